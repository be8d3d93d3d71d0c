"""Parameters of the select stage."""

from dataclasses import dataclass

from haechi.params.types import NonNegativeFloat


@dataclass(frozen=True)
class SelectParams:
    """Which checkpoint becomes the model."""

    metric: str
    """Validation metric that ranks the checkpoints, such as ndcg@10."""
    min_gain: NonNegativeFloat
    """The base itself is kept unless a checkpoint beats it by this much."""
