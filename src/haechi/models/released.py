"""A model that was trained on all labels, those of the test set among them (`haechi release`): its record, and its leak.

The folder holds, beside the model, a card, the weights of the hybrid, and a hash of each query that it was trained on.
"""

import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from haechi.runtime.errors import HaechiError
from haechi.runtime.files import read_record, read_text

RECORD, SEEN, WEIGHTS, CARD = "release.json", "trained_on.txt", "fusion.json", "README.md"
BESIDE = frozenset((RECORD, SEEN, WEIGHTS, CARD))
"""What may lie beside a model and decides none of its vectors."""


@dataclass(frozen=True)
class Released:
    """What release.json holds."""

    testset: str
    """Fingerprint of the test set whose queries it was trained on."""
    twin: str
    """Hash of the evaluated model: the same settings, trained apart from that test set."""
    chosen: str
    """What that model was among its candidates."""
    steps: int
    of_steps: int
    """Where its training ended, and how long the schedule was."""
    pairs: int
    more: int
    """How many pairs it was trained on, and how many of them the evaluated model never saw."""
    threshold: float
    """Of the evaluated model: a best score below it makes an answer doubtful."""
    data: Mapping[str, str]
    """What it was made from -> sha256."""

    def told(self) -> str:
        """Its labels, in a sentence."""
        if not self.pairs:
            return "Trained on questions alone, now about every document, those of the test included."
        return f"Trained on {self.pairs:,} pairs, {self.more:,} of which the evaluated twin never saw."


def read_released(folder: Path) -> Released | None:
    """The record of a release; None of any other model."""
    file = folder / RECORD
    return read_record(file, Released, "the record of a release") if file.is_file() else None


def seen_query(text: str) -> str:
    """The name of a query in trained_on.txt."""
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def refuse_released(models: Iterable[str | Path], testset: str, texts: Iterable[str]) -> None:
    """Stop where one of these is a release that was trained on this test set, or on queries of it."""
    for folder in [Path(model) for model in models if model]:
        if not (released := read_released(folder)):
            continue
        seen = set(read_text(folder / SEEN).split())
        known = sum(seen_query(text) in seen for text in texts)
        if known or released.testset == testset:
            raise HaechiError(
                f"{folder}: was trained on {f'{known:,} ' if known else 'the '}queries of test set {testset} (`haechi release`), "
                "so no figure of it there means anything; take models/encoder, its evaluated twin"
            )
