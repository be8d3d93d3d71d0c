"""All figures of an evaluation, as reports/stages/evaluate.json holds them: one writer, one reader."""

from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any

import msgspec

from haechi.runtime.files import read_record

Figures = Mapping[str, Any]
WHERE_ANY = ("others", "new_documents", "validation", "reranker")
"""Left out of the file where there is nothing to say."""


@dataclass(frozen=True)
class Evaluation:
    """What was scored on what, and how well; ARCHITECTURE.md explains each. Empty where nothing was scored."""

    testset: str = ""
    evaluator: int = 0
    encoder: str = ""
    confidence: float = 0.95
    n_queries: int = 0
    gold_not_in_corpus: int = 0
    without_gold: int = 0
    hybrid: Figures = field(default_factory=dict)
    """How the hybrid's weights were found; the weights stand in models/fusion.json."""
    others: Mapping[str, str] = field(default_factory=dict)
    """Hashes of the further systems; not written where there are none."""
    primary: Mapping[str, Figures] = field(default_factory=dict)
    """System -> metric -> mean of the headline queries."""
    interval: Mapping[str, Figures] = field(default_factory=dict)
    difference: Mapping[str, Figures] = field(default_factory=dict)
    """`tuned-base` -> metric -> value, bounds, p, wins, ties and losses."""
    slice: Mapping[str, Figures] = field(default_factory=dict)
    macro_by_law: Figures = field(default_factory=dict)
    failures: Figures = field(default_factory=dict)
    probe: Mapping[str, Figures] = field(default_factory=dict)
    drift: Figures = field(default_factory=dict)
    geometry: Figures = field(default_factory=dict)
    gating: Figures = field(default_factory=dict)
    new_documents: Figures = field(default_factory=dict)
    """Base and tuned model on questions about the documents that an update was trained on; not written where there was none."""

    validation: Mapping[str, Figures] = field(default_factory=dict)
    """Slice of validation -> its number of queries and each system's ndcg@10; not written where there is one slice only."""

    reranker: Figures = field(default_factory=dict)
    """What reranking the hybrid does on validation, and whether it may in search; not written where there is no reranker."""

    def __bool__(self) -> bool:
        """Whether anything was scored."""
        return bool(self.primary)

    def gap(self, one: str, two: str, metric: str) -> Figures | None:
        """The paired difference of two systems, if they were compared."""
        return self.difference.get(f"{one}-{two}", {}).get(metric)

    def as_json(self) -> dict[str, Any]:
        """What the file holds."""
        return {f.name: getattr(self, f.name) for f in fields(self) if f.name not in WHERE_ANY or getattr(self, f.name)}


def evaluation_of(figures: Figures) -> Evaluation:
    """The evaluation that a file's figures say."""
    return msgspec.convert(figures, Evaluation)


def read_evaluation(file: Path) -> Evaluation:
    """The evaluation of a file."""
    return read_record(file, Evaluation, "an evaluation")
