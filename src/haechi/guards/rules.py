"""The rules that a run is held to, made from parameters; rules that can't work or contradict each other are refused."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import get_args

from haechi.errors import ParamsError
from haechi.params.guards import Action, GuardsParams, RuleName

LOGGED = ("loss", "active_triplets", "grad_norm")
"""Figures of a training step; every other name is one of validation and stands in the history as `valid_<name>`."""
DEFAULT_METRIC: Mapping[str, str] = {
    "degradation": "ndcg@10",
    "early_stopping": "ndcg@10",
    "stall": "loss",
    "overfitting": "valid_loss",
    "gap": "valid_loss",
    "collapse": "valid_similarity",
    "divergence": "loss",
}
CHOOSES = ("degradation", "early_stopping", "stall")
"""Rules whose metric is a parameter."""


@dataclass(frozen=True)
class Rule:
    """One rule: what it looks at, when it fires, and what follows."""

    name: RuleName
    action: Action
    patience: int = 1
    tolerance: float = 0.0
    bound: float = 0.0
    metric: str = ""
    """Key in the rows of the history."""


def rules_of(params: GuardsParams, logged: Sequence[str]) -> tuple[Rule, ...]:
    """The rules that are not ignored, in a fixed order. `logged`: the names that this training's history will hold."""
    for name, metric in params.metric.items():
        if name not in CHOOSES:
            raise ParamsError(
                f"guards.metric.{name}: rule {name} looks at {DEFAULT_METRIC.get(name, 'every figure')} and nothing else"
            )
        if key_of(metric) not in logged:
            names = ", ".join(key.removeprefix("valid_") for key in logged if key != "valid_loss")
            raise ParamsError(f"guards.metric.{name}: this training logs no {metric!r}; it logs {names}")
    rules = tuple(_rule(name, params) for name in get_args(RuleName) if params.action.get(name, "ignore") != "ignore")
    _refuse(params, rules)
    return rules


def key_of(metric: str) -> str:
    """The key of a metric in the rows of the history."""
    return metric if metric in LOGGED or metric.startswith("valid_") else f"valid_{metric}"


def _rule(name: RuleName, params: GuardsParams) -> Rule:
    metric = params.metric.get(name) or DEFAULT_METRIC.get(name, "")
    return Rule(
        name,
        params.action[name],
        params.patience.get(name, 1),
        params.tolerance.get(name, 0.0),
        params.bound.get(name, 0.0),
        key_of(metric) if metric else "",
    )


def _refuse(params: GuardsParams, rules: Sequence[Rule]) -> None:
    of = {rule.name: rule for rule in rules}
    for name in ("collapse", "gap"):
        if name in of and not of[name].bound:
            raise ParamsError(f"guards.bound.{name}: rule {name} needs a bound above 0, or action `ignore`")
    if "collapse" in of and of["collapse"].bound >= 1.0:
        raise ParamsError("guards.bound.collapse: no mean cosine is above 1, so the rule could never fire; take less than 1")
    if params.target and params.floor > params.target:
        raise ParamsError(
            f"guards.floor {params.floor:g} is above guards.target {params.target:g}; a run could be good and too bad at once"
        )
    if params.rollbacks and not any(rule.action == "rollback" for rule in rules):
        raise ParamsError("guards.rollbacks: no rule rolls back (guards.action); set it to 0, or let a rule roll back")
    stops = ("stop", "rollback")
    early, stall = of.get("early_stopping"), of.get("stall")
    meet = early and stall and early.metric == stall.metric and early.action in stops and stall.action == "lower_lr"
    if early and stall and meet and early.patience <= stall.patience:
        raise ParamsError(
            f"guards.patience: early_stopping ({early.patience}) ends the run before stall ({stall.patience}) "
            f"could lower the rate, since both look at {early.metric}; give stall less patience"
        )
