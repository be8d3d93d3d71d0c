"""Parameters of `haechi rank`; no stage reads them."""

from dataclasses import dataclass
from typing import Annotated

from msgspec import Meta

from haechi.runtime.param_types import NonNegativeFloat, Seed
from haechi.selection.params import Metric


@dataclass(frozen=True)
class RankParams:
    """By what `haechi rank` ranks checkpoints and experiments."""

    weights: dict[Metric, NonNegativeFloat]
    """Validation metrics and their weights in the one figure that models are ranked by."""
    seed: Seed
    """Draws bootstrap samples and sign flips."""
    resamples: Annotated[int, Meta(ge=100)]
    """Bootstrap samples and sign flips."""
    confidence: Annotated[float, Meta(gt=0.5, lt=1.0)]
    """Coverage of the intervals."""

    def __post_init__(self) -> None:
        if not sum(self.weights.values()) > 0:
            raise ValueError(f"weights need a metric with a weight above 0, found {self.weights}")
