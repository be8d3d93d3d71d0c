"""Parameters of the guards of training."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, Literal

from msgspec import Meta

from haechi.runtime.param_types import Count, NonNegativeFloat, Positive, Share

RuleName = Literal["non_finite", "divergence", "collapse", "overfitting", "gap", "degradation", "early_stopping", "stall"]
Action = Literal["ignore", "note", "lower_lr", "rollback", "stop"]

DEFAULT_METRIC: Mapping[RuleName, str] = {
    "degradation": "ndcg@10",
    "early_stopping": "ndcg@10",
    "stall": "loss",
    "overfitting": "valid_loss",
    "gap": "valid_loss",
    "collapse": "valid_similarity",
    "divergence": "loss",
}
"""What a rule looks at where `metric` doesn't say."""


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

    def __post_init__(self) -> None:
        active = {name: action for name, action in self.action.items() if action != "ignore"}
        for name in ("collapse", "gap"):
            if name in active and not self.bound.get(name):
                raise ValueError(f"bound.{name}: rule {name} needs a bound above 0, or action `ignore`")
        if "collapse" in active and self.bound["collapse"] >= 1.0:
            raise ValueError("bound.collapse: no mean cosine is above 1, so the rule could never fire; take less than 1")
        if self.target and self.floor > self.target:
            raise ValueError(f"floor {self.floor:g} is above target {self.target:g}; a run could be good and too bad at once")
        if self.rollbacks and "rollback" not in active.values():
            raise ValueError("rollbacks: no rule rolls back (action); set it to 0, or let a rule roll back")
        self._check_early_stopping(active)

    def _check_early_stopping(self, active: Mapping[RuleName, Action]) -> None:
        """It must leave the rule `stall` time to lower the rate, where both look at one metric."""
        names: tuple[RuleName, RuleName] = ("early_stopping", "stall")
        metrics = [self.metric.get(name, DEFAULT_METRIC[name]).removeprefix("valid_") for name in names]
        early, stall = (self.patience.get(name, 1) for name in names)
        ends = active.get("early_stopping") in ("stop", "rollback") and active.get("stall") == "lower_lr"
        if ends and metrics[0] == metrics[1] and early <= stall:
            raise ValueError(
                f"patience: early_stopping ({early}) ends the run before stall ({stall}) could lower the rate, "
                f"since both look at {metrics[1]}; give stall less patience"
            )
