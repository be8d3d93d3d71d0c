"""The rules that a run is held to, made from parameters; a metric that the training doesn't log is refused."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import get_args

from haechi.guards.params import DEFAULT_METRIC, Action, GuardsParams, RuleName
from haechi.runtime.errors import ParamsError

LOGGED = ("loss", "active_triplets", "grad_norm")
"""Figures of a training step; every other name is one of validation and stands in the history as `valid_<name>`."""
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
    return tuple(_rule(name, params) for name in get_args(RuleName) if params.action.get(name, "ignore") != "ignore")


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
