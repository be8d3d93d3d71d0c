"""Parameters of the guards of training."""

from dataclasses import dataclass
from typing import Annotated, Literal

from msgspec import Meta

from haechi.params.types import Count, NonNegativeFloat, Positive, Share

RuleName = Literal["non_finite", "divergence", "collapse", "overfitting", "gap", "degradation", "early_stopping", "stall"]
Action = Literal["ignore", "note", "lower_lr", "rollback", "stop"]


@dataclass(frozen=True)
class GuardsParams:
    """When training is stopped, rolled back or slowed down. Every rule has a name, and every map below is keyed by it."""

    action: dict[RuleName, Action]
    """What a rule does when it fires. `note` only says so in the verdict; `rollback` goes back to the best weights;
    a rule that isn't named is ignored."""
    patience: dict[RuleName, Positive]
    """How many times in a row it must be so: steps for non_finite, rows of the log for divergence and stall, validations else."""
    tolerance: dict[RuleName, NonNegativeFloat]
    """What doesn't count yet: a share of the value for divergence, overfitting and stall, a difference of the metric for
    degradation and early_stopping."""
    bound: dict[RuleName, NonNegativeFloat]
    """Collapse: mean cosine of any two passages. Gap: validation loss less training loss. Overfitting: a validation loss above it
    fires at once; 0 has no such bound."""
    metric: dict[RuleName, str]
    """What degradation, early_stopping and stall look at: loss, active_triplets, or a validation metric such as ndcg@10."""
    lower_by: Annotated[float, Meta(gt=0.0, lt=1.0)]
    """The learning rate is multiplied by it when a rule lowers the rate, and after a rollback that goes on."""
    rollbacks: Count
    """How many times a run may go on after a rollback, at the lowered rate; the next rollback stops it."""
    target: Share
    """Validation ndcg@10 that was aimed at; 0 aims at nothing but to beat the base. Only the advice depends on it."""
    floor: Share
    """Validation ndcg@10 below which more of the same is no use; 0 takes the base's."""
