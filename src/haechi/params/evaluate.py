"""Parameters of the evaluate stage."""

from dataclasses import dataclass
from typing import Annotated

from msgspec import Meta

from haechi.params.types import Positive, Seed


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

    def __post_init__(self) -> None:
        if 10 not in self.k_values:
            raise ValueError(f"k_values must hold 10, the headline's cut-off, found {list(self.k_values)}")
        if self.depth < max(self.k_values):
            raise ValueError(f"depth must reach the largest of k_values, {max(self.k_values)}, found {self.depth}")
