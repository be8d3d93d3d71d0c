"""Parameters of the select stage."""

from dataclasses import dataclass
from typing import Literal

from haechi.params.types import NonNegativeFloat

Metric = Literal[
    "ndcg@1", "ndcg@10", "ndcg@100", "recall@1", "recall@10", "recall@100", "success@1", "success@10", "success@100", "mrr@10"
]


@dataclass(frozen=True)
class SelectParams:
    """Which checkpoint becomes the model."""

    metric: Metric
    """Validation metric that ranks the kept checkpoints; training keeps those with the best ndcg@10."""
    min_gain: NonNegativeFloat
    """The base itself is kept unless a checkpoint beats it by this much."""
