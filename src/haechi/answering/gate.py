"""The gate: how likely a turn is talk that needs no search, and how likely the corpus can't answer it.

Two logistic regressions, small enough to be read as JSON. Whether it is talk is told by words, parts of speech and the signals
of a search; whether the corpus answers, by these signals alone. Chances are calibrated for the shares that the parameters name.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import numpy.typing as npt

from haechi.answering.params import GateParams
from haechi.answering.steps import NOUNS, Word
from haechi.runtime.errors import HaechiError
from haechi.runtime.files import read_record
from haechi.scoring.names import BM25, HYBRID, TUNED
from haechi.serving.engine import Answer, Hit
from haechi.serving.index import Index

Array = npt.NDArray[np.float64]
TALK, ABSENT = "talk", "absent"
VERSION = 1
SEEN = 10
"""Results of each search that the signals look at."""


@dataclass(frozen=True)
class Scaled:
    """A signal in a sum: what is taken off, what it is divided by, and its weight."""

    mean: float
    spread: float
    weight: float


@dataclass(frozen=True)
class Logistic:
    """A calibrated logistic regression."""

    bias: float
    words: Mapping[str, float]
    signals: Mapping[str, Scaled]
    slope: float = 1.0
    """Calibration: what the sum is multiplied by, and what is added to it."""
    shift: float = 0.0

    def total(self, seen: "Seen") -> float:
        """The sum before calibration."""
        words = sum(self.words.get(mark, 0.0) for mark in sorted(seen.marks)) / length(seen.marks)
        signals = sum(one.weight * (seen.signals[name] - one.mean) / one.spread for name, one in self.signals.items())
        return self.bias + words + signals

    def chance(self, seen: "Seen") -> float:
        """The calibrated probability."""
        return float(chance_of(np.array(self.slope * self.total(seen) + self.shift)))


@dataclass(frozen=True)
class Gate:
    """What models/gate.json holds."""

    talk: Logistic
    absent: Logistic
    made_of: Mapping[str, str] = field(default_factory=dict)
    """`model` and `passages`: signals of another model or corpus mean something else."""
    version: int = VERSION

    def chances(self, seen: "Seen") -> dict[str, float]:
        """Of talk, and of a question without an answer here."""
        return {TALK: round(self.talk.chance(seen), 4), ABSENT: round(self.absent.chance(seen), 4)}


@dataclass(frozen=True, slots=True)
class Seen:
    """What the gate looks at."""

    marks: frozenset[str]
    signals: Mapping[str, float]


def marks(said: Sequence[Word]) -> frozenset[str]:
    """Words with their parts of speech, these alone, and how a turn begins and ends; a noun there is any noun."""
    singles = [f"{word.form}/{word.tag}" for word in said]
    plainer = [word.tag if word.tag in (*NOUNS, "SN") else one for one, word in zip(singles, said, strict=True)]
    ends = {f"^{plainer[0]}", f"{' '.join(plainer[-2:])}$"} if said else {"nothing"}
    return frozenset({*singles, *(word.tag for word in said), *ends})


def rarity(index: Index) -> Mapping[str, float]:
    """Word of the corpus -> how rare it is: the logarithm of passages over those with the word."""
    counts = np.maximum(np.diff(index.words.begins), 1)
    rare = np.log((1 + len(index.passages)) / counts).tolist()
    return {word: rare[number] for word, number in index.words.numbers.items()}


def signals(found: Answer, rare: Mapping[str, float], carried: bool, hidden: frozenset[str] = frozenset()) -> dict[str, float]:
    """What a search says of its question; articles that are hidden count as not there."""
    tuned, lexical, mixed = (
        [hit for hit in found.lists[system] if hit.key not in hidden][:SEEN] for system in (TUNED, BM25, HYBRID)
    )
    most = max(rare.values(), default=1.0)
    weights = {word: rare.get(word, most) for word in found.words}
    whole = sum(weights.values())
    firsts = [hit.text for hit in mixed[:3]]
    covered = max((sum(w for word, w in weights.items() if word in text) for text in firsts), default=0.0)
    return {
        "tuned.best": _score(tuned, 0),
        "tuned.lead": _score(tuned, 0) - _score(tuned, 4),
        "bm25.best": _score(lexical, 0) / (1.0 + whole),
        "bm25.lead": (_score(lexical, 0) - _score(lexical, 4)) / (1.0 + _score(lexical, 0)),
        "agreed": len({hit.key for hit in tuned[:5]} & {hit.key for hit in lexical}) / 5.0,
        "hybrid.lead": _score(mixed, 0) - _score(mixed, 4),
        "covered": covered / whole if whole else 0.0,
        "unknown": sum(word not in rare for word in found.words) / (1.0 + len(found.words)),
        "words": float(np.log1p(len(found.words))),
        "carried": float(carried),
    }


def is_talk(chances: Mapping[str, float], params: GateParams) -> bool:
    """Whether taking it for talk is likely to cost less than searching for it."""
    return chances[TALK] * params.false_search > (1.0 - chances[TALK]) * params.false_skip


def is_absent(chances: Mapping[str, float], params: GateParams) -> bool:
    """Whether finding nothing is likely to cost less than an answer."""
    return chances[ABSENT] * params.false_search > (1.0 - chances[ABSENT]) * params.false_refusal


def read_gate(path: Path, model: str) -> Gate:
    """The gate of a file, if it was fitted with this model."""
    if not path.is_file():
        raise HaechiError(f"{path}: no such file; fit the gate with `dvc repro tracks/answer/dvc.yaml`, or go on with --no-gate")
    gate = read_record(path, Gate, "a gate")
    if gate.made_of.get("model") != model:
        found = gate.made_of.get("model", "another model")
        raise HaechiError(
            f"{path}: fitted with {found}, and this is {model}; fit it again with `dvc repro tracks/answer/dvc.yaml`"
        )
    return gate


def read_gates(path: Path) -> list[Gate]:
    """The gates that were fitted without one fold each."""
    return list(read_record(path, tuple[Gate, ...], "a list of gates"))


def length(seen: frozenset[str]) -> float:
    """What the weights of the words are divided by: longer turns have more of them."""
    return float(np.sqrt(max(len(seen), 1)))


def chance_of(sums: Array) -> Array:
    """The logistic function."""
    return np.asarray(1.0 / (1.0 + np.exp(-np.clip(sums, -500.0, 500.0))))


def _score(hits: Sequence[Hit], place: int) -> float:
    """The score of the hit in that place, of the last where there are fewer, 0 where there is none."""
    return hits[min(place, len(hits) - 1)].score if hits else 0.0
