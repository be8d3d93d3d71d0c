"""Parameters of the evaluate stage."""

from dataclasses import dataclass
from typing import Annotated, Literal

from msgspec import Meta

from haechi.runtime.param_types import Positive, PositiveFloat, Seed


@dataclass(frozen=True)
class EvaluateParams:
    """What is measured and how sure it must be."""

    seed: Seed
    """Draws bootstrap samples and sign flips."""
    k_values: tuple[Positive, ...]
    """Cut-offs of nDCG, recall and success."""
    depth: Positive
    """Articles kept of each ranking."""
    resamples: Annotated[int, Meta(ge=100)]
    """Bootstrap samples and sign flips."""
    confidence: Annotated[float, Meta(gt=0.5, lt=1.0)]
    """Coverage of the intervals."""
    missing_gold: Literal["count", "exclude"]
    """Gold that the corpus lacks: `count` it as not found, or `exclude` it, and queries that have no other."""
    probe_margin: PositiveFloat
    """Most nDCG@10 that tuning may cost on a probe of other domains."""
    reranker: str
    """Cross-encoder (alias, hub id or folder) that may rerank the hybrid's first articles: it is scored and served only where
    validation says, by an interval, that it is better. `models/reranker` is what train_reranker leaves; empty for none."""
    rerank_depth: Positive
    """Articles that the reranker sees."""
    rerank_length: Positive
    """Longest pair of query and passage, in the reranker's pieces."""
    others: tuple[str, ...]
    """More systems on the same queries, each `name=path`: a model folder or hub id, or a TREC run file (*.trec, *.run)."""

    def __post_init__(self) -> None:
        if 10 not in self.k_values:
            raise ValueError(f"k_values must hold 10, the headline's cut-off, found {list(self.k_values)}")
        if self.depth < max(self.k_values):
            raise ValueError(f"depth must reach the largest of k_values, {max(self.k_values)}, found {self.depth}")
        names = [other.partition("=")[0] for other in self.others]
        if any("=" not in other or not name for other, name in zip(self.others, names, strict=True)):
            raise ValueError(f"others must be a list of name=path, found {list(self.others)}")
        if len(set(names)) != len(names):
            raise ValueError(f"others must have different names, found {names}")
