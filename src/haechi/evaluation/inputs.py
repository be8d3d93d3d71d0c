"""What evaluation is given: models, corpus, pairs, test set, probes, and what else is to be scored."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from haechi.evaluation import m3_systems
from haechi.evaluation.forgetting import Probe
from haechi.evaluation.systems import SUFFIXES, read_run
from haechi.models.load import AnyEncoder, device, folder_hash, load_reranker, open_base, open_encoder, weight_hash
from haechi.models.m3_heads import has_heads
from haechi.records.pair import Pair
from haechi.records.passage import Passage
from haechi.records.question import Question
from haechi.reranking.rerank import PairScores
from haechi.runtime.errors import HaechiError, PackageMissing
from haechi.runtime.files import sha256_file
from haechi.runtime.progress import say
from haechi.scoring.names import LABELS
from haechi.testset.manifest import TestSet

if TYPE_CHECKING:
    from sentence_transformers import CrossEncoder

OFF = "off.json"
"""What train_reranker leaves where it is off."""


@dataclass(frozen=True)
class Other:
    """One more system: a model, or lists that somebody else made."""

    hash: str
    """What was scored: DVC doesn't watch what a parameter names."""
    model: "AnyEncoder | None" = None
    lists: Mapping[str, Sequence[tuple[str, float]]] = field(default_factory=dict)


@dataclass(frozen=True)
class Inputs:
    """What is scored on what."""

    encoder: AnyEncoder
    base: AnyEncoder
    encoder_hash: str
    corpus: Sequence[Passage]
    train_pairs: Sequence[Pair]
    valid_pairs: Sequence[Pair]
    testset: TestSet
    probes: Mapping[str, Probe]
    others: Mapping[str, Other] = field(default_factory=dict)
    reranker: PairScores | None = None
    """What a cross-encoder says of pairs."""
    reranker_hash: str = ""
    heads: m3_systems.Encode | None = None
    on_new: Sequence[Question] = ()
    """About documents that an update has taken in."""
    mixed: Mapping[str, AnyEncoder] = field(default_factory=dict)
    """Further encoders of the hybrid."""
    missing: Mapping[str, str] = field(default_factory=dict)
    """Those that can't be had here, and why."""
    hashes: Mapping[str, str] = field(default_factory=dict)
    """Of what the hybrid's weights belong to: each encoder, the corpus, the parameters."""
    places: Mapping[str, str] = field(default_factory=dict)
    """Where a search finds the hybrid's encoders beside the tuned one."""


def load_mixed(names: Sequence[str], max_length: int) -> tuple[dict[str, AnyEncoder], dict[str, str]]:
    """The further encoders of the hybrid by the names that `fusion.encoders` gives them; those of a package may be missing."""
    found: dict[str, AnyEncoder] = {}
    missing: dict[str, str] = {}
    for name in names:
        try:
            found[name] = open_base(name, max_length)
        except PackageMissing as error:
            missing[name] = str(error)
            say(f"the hybrid does without {name}: {error}")
    return found, missing


def load_others(entries: Sequence[str]) -> dict[str, Other]:
    """The systems that `evaluate.others` names."""
    return {name: _load(name, source) for name, source in named_sources(entries)}


def named_sources(entries: Sequence[str]) -> list[tuple[str, str]]:
    """The name of each of them, and the folder, file, alias or hub id behind it."""
    return [(name, source) for name, _, source in (entry.partition("=") for entry in entries)]


def open_reranker(name: str, length: int) -> "CrossEncoder | None":
    """The cross-encoder that `evaluate.reranker` names; none where train_reranker is off."""
    return None if not name or (Path(name) / OFF).is_file() else load_reranker(name, length)


def heads_of(folder: Path) -> m3_systems.Encode | None:
    """The encoder's further heads, if it is a BGE-M3."""
    return m3_systems.load_heads(folder, device()) if has_heads(folder) else None


def _load(name: str, source: str) -> Other:
    if name in LABELS:
        raise HaechiError(f"evaluate.others: {name} is the name of a system that is always scored; choose another")
    path = Path(source)
    if path.suffix in SUFFIXES:
        return Other(sha256_file(path)[:16] if path.is_file() else "", lists=read_run(path))
    if path.is_dir():
        return Other(folder_hash(path), model=open_encoder(path))
    model = open_base(source)
    return Other(weight_hash(model)[:16], model=model)
