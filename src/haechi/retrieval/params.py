"""Parameters of first-stage retrieval, shared by mine and evaluate."""

from dataclasses import dataclass

from haechi.runtime.param_types import NonNegativeFloat, Share


@dataclass(frozen=True)
class RetrievalParams:
    """BM25's two knobs."""

    bm25_k1: NonNegativeFloat
    """Saturation of term frequency."""
    bm25_b: Share
    """How far document length is normalised away."""
