"""A base that was trained here before: what it has learned from, as two files and a record beside its weights say.

`haechi update` keeps a model like that; the base stage points to it, and whoever follows the pointer asks, mines and trains
what is new, beside a share of what is old.
"""

import hashlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from itertools import compress
from pathlib import Path

from haechi.models.load import EXAMPLES, PASSAGES, POINTER, TRAINED, Trained, read_trained
from haechi.models.released import refuse_released
from haechi.records.mined import MinedExample
from haechi.records.passage import Passage
from haechi.runtime.errors import HaechiError
from haechi.runtime.files import read_json, read_records, read_text, sha256_file, write_json, write_jsonl, write_text


@dataclass(frozen=True)
class Earlier:
    """The earlier training of a base; empty where there was none."""

    examples: tuple[MinedExample, ...] = ()
    passages: frozenset[str] = frozenset()
    """Hashes of the texts of the corpus then."""

    def __bool__(self) -> bool:
        """Whether there was one."""
        return bool(self.passages)

    def still_true(self, corpus: Iterable[Passage]) -> list[MinedExample]:
        """The examples whose positives are in this corpus, word for word; negatives that changed or went are left out."""
        text_of = {passage.id: passage.text for passage in corpus}

        def stands(id: str, text: str) -> bool:
            return text_of.get(id) == text

        return [
            _with_negatives(example, [stands(*pair) for pair in zip(example.neg_ids, example.neg, strict=True)])
            for example in self.examples
            if all(map(stands, example.pos_ids, example.pos))
        ]

    def new(self, passages: Iterable[Passage]) -> list[Passage]:
        """The passages whose texts were not in the corpus then: new documents, and changed ones."""
        return [passage for passage in passages if text_hash(passage) not in self.passages]


NOTHING = Earlier()
"""Of a base that was not trained here."""


def text_hash(passage: Passage) -> str:
    """Names what a passage says."""
    return hashlib.sha256(passage.text.encode()).hexdigest()[:32]


def earlier_training(base: Path, testset: str = "") -> Earlier:
    """What the model that a base folder points to was trained on; refused where it may have seen what a test set holds out."""
    pointer = read_json(base / POINTER) if (base / POINTER).is_file() else {}
    refuse_released([pointer.get("model", "")] if testset else [], testset, ())
    if "training" not in pointer:
        return NOTHING
    folder = Path(pointer["model"])
    trained = read_trained(folder, pointer["training"], whole=False)
    if testset and trained.testset != testset:
        raise HaechiError(
            f"{folder}: was trained apart from test set {trained.testset}, and may have seen the texts of this one, {testset}; "
            "train anew with `model.base: static` or the base that you began with"
        )
    return Earlier(tuple(read_records(folder / EXAMPLES, MinedExample)), frozenset(read_text(folder / PASSAGES).split()))


def write_training(
    folder: Path, testset: str, shape: tuple[int, int], examples: Sequence[MinedExample], corpus: Iterable[Passage]
) -> str:
    """Put the files beside a model's weights; `shape` is its parameters and its width. Returns a name for all of it."""
    write_jsonl(folder / EXAMPLES, sorted(examples, key=lambda example: example.query_id))
    write_text(folder / PASSAGES, "".join(f"{name}\n" for name in sorted({text_hash(passage) for passage in corpus})))
    files = sorted(path for path in folder.rglob("*") if path.is_file() and path.name != TRAINED)
    hashes = {path.relative_to(folder).as_posix(): sha256_file(path) for path in files}
    write_json(folder / TRAINED, Trained(testset, *shape, hashes))
    return sha256_file(folder / TRAINED)[:8]


def _with_negatives(example: MinedExample, kept: Sequence[bool]) -> MinedExample:
    """With those of its negatives that are kept."""
    return replace(
        example,
        neg=tuple(compress(example.neg, kept)),
        neg_ids=tuple(compress(example.neg_ids, kept)),
        neg_scores=tuple(compress(example.neg_scores, kept)),
        neg_reasons=tuple(compress(example.neg_reasons, kept)),
    )
