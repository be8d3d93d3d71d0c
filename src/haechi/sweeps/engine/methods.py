"""How the next trial is found: drawn by a sampler, or taken from a grid."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from haechi.sweeps.engine.config import Axis, Sweep, grid, holds, order
from haechi.sweeps.engine.study import Wanted
from haechi.sweeps.engine.trial import Proposal, Trial, Value

if TYPE_CHECKING:
    import optuna
    from optuna.distributions import BaseDistribution

CURRENT = "current"
"""A fact of the trial that has the values of params.yaml."""
DIGITS = 4
"""Significant digits of a number that was drawn: more of them mean nothing, and a person has to read params.yaml."""


class Sampled:
    """Bayes (TPE over all parameters at once, and over each branch of a conditional space) or random.

    A trial's draw is seeded by its number, so two agents never draw the same.
    """

    def __init__(self, sweep: Sweep, current: Proposal) -> None:
        """`current` is what params.yaml has now: the first trial."""
        self._sweep, self._current = sweep, current

    def wanted(self, trials: Sequence[Trial]) -> Wanted:
        """One more until there are enough, then the best again with other seeds."""
        own = [trial for trial in trials if trial.proposal.kind == "trial"]
        if not own and self._current.facts:
            return Wanted([self._current])
        if len(own) < self._sweep.trials:
            return Wanted(draw=True)
        return Wanted(confirmations(self._sweep, trials))

    def left(self, trials: Sequence[Trial]) -> int:
        """Up to as many as the file asks for, and repeats of the best."""
        return _left(self._sweep, self._sweep.trials, trials)

    def draw(self, study: "optuna.Study", number: int) -> "tuple[optuna.Trial, Proposal]":
        """Ask the sampler, parameter by parameter."""
        import optuna

        seed = self._sweep.seed * 100_003 + number
        if self._sweep.method == "bayes":
            study.sampler = optuna.samplers.TPESampler(seed=seed, multivariate=True, group=True, constant_liar=True)
        else:
            study.sampler = optuna.samplers.RandomSampler(seed=seed)
        trial = study.ask()
        params: dict[str, Value] = {}
        for name in order(self._sweep):
            axis = self._sweep.parameters[name]
            if holds(axis, params, self._sweep.fixed):
                params[name] = _suggest(trial, name, axis)
        return trial, Proposal(params, self._current.seed)

    def distributions(self, proposal: Proposal) -> "Mapping[str, BaseDistribution]":
        """Those of the file; none for values that it rules out, which the sampler then doesn't see."""
        if not within(self._sweep, proposal):
            return {}
        return {name: _distribution(self._sweep.parameters[name]) for name in proposal.params}


class Grid:
    """All combinations, in the order of the file."""

    def __init__(self, sweep: Sweep, current: Proposal) -> None:
        self._sweep, self._seed = sweep, current.seed

    def wanted(self, trials: Sequence[Trial]) -> Wanted:
        """Every point, then the best again with other seeds."""
        points = grid(self._sweep)[: self._sweep.trials or None]
        own = [trial for trial in trials if trial.proposal.kind == "trial"]
        if len(own) < len(points):
            return Wanted([Proposal(point, self._seed) for point in points])
        return Wanted(confirmations(self._sweep, trials))

    def left(self, trials: Sequence[Trial]) -> int:
        """The other points, and repeats of the best."""
        return _left(self._sweep, len(grid(self._sweep)[: self._sweep.trials or None]), trials)

    def draw(self, study: "optuna.Study", number: int) -> "tuple[optuna.Trial, Proposal]":
        """A grid draws nothing."""
        raise NotImplementedError

    def distributions(self, proposal: Proposal) -> "Mapping[str, BaseDistribution]":
        """Those of the file."""
        return {name: _distribution(self._sweep.parameters[name]) for name in proposal.params}


def within(sweep: Sweep, current: Proposal) -> bool:
    """Whether the sampler could have drawn these values, so that it can learn from them."""
    searched = {name for name in order(sweep) if holds(sweep.parameters[name], current.params, sweep.fixed)}
    if searched != set(current.params):
        return False
    try:
        return all(_contains(_distribution(sweep.parameters[name]), value) for name, value in current.params.items())
    except (TypeError, ValueError):
        return False


def _contains(distribution: "BaseDistribution", value: Value) -> bool:
    return bool(distribution._contains(distribution.to_internal_repr(value)))


def confirmations(sweep: Sweep, trials: Sequence[Trial]) -> list[Proposal]:
    """The best trials, and the parameters as they are, with other seeds, once all trials have ended."""
    own = [trial for trial in trials if trial.proposal.kind == "trial"]
    if not sweep.confirm.top or any(trial.state == "running" for trial in own):
        return []
    sign = 1 if sweep.goal == "maximize" else -1
    complete = [trial for trial in own if trial.state == "complete" and trial.value is not None]
    ranked = sorted(complete, key=lambda trial: (-sign * (trial.value or 0.0), trial.number))
    return [
        Proposal(trial.proposal.params, trial.proposal.seed + i, "repeat", {"of": trial.number})
        for trial in [*ranked[: sweep.confirm.top], *(t for t in ranked[sweep.confirm.top :] if t.proposal.facts.get(CURRENT))]
        for i in range(1, sweep.confirm.seeds)
    ]


def _left(sweep: Sweep, trials: int, begun: Sequence[Trial]) -> int:
    repeats = sum(trial.proposal.kind == "repeat" for trial in begun)
    return max(0, trials - (len(begun) - repeats)) + max(0, sweep.confirm.top * (sweep.confirm.seeds - 1) - repeats)


def _suggest(trial: "optuna.Trial", name: str, axis: Axis) -> Any:
    if axis.choices:
        return trial.suggest_categorical(name, list(axis.choices))
    low, high = axis.low or 0.0, axis.high or 0.0
    if axis.whole:
        return trial.suggest_int(name, int(low), int(high), step=int(axis.step or 1), log=axis.log)
    drawn = float(f"{trial.suggest_float(name, low, high, step=axis.step, log=axis.log):.{DIGITS}g}")
    return min(max(drawn, low), high)


def _distribution(axis: Axis) -> "BaseDistribution":
    from optuna.distributions import CategoricalDistribution, FloatDistribution, IntDistribution

    if axis.choices:
        return CategoricalDistribution(list(axis.choices))
    low, high = axis.low or 0.0, axis.high or 0.0
    if axis.whole:
        return IntDistribution(int(low), int(high), log=axis.log, step=int(axis.step or 1))
    return FloatDistribution(low, high, log=axis.log, step=axis.step)
