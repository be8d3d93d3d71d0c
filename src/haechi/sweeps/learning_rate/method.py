"""The search for the rate as a method of a study: what its plan misses is what the study runs next."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from haechi.sweeps.engine.study import Wanted
from haechi.sweeps.engine.trial import Proposal, Trial
from haechi.sweeps.learning_rate.search import Curve, Measured, Scores, Search, left, missing

if TYPE_CHECKING:
    import optuna
    from optuna.distributions import BaseDistribution

RATE, RANGE_TEST = "train.lr", "range test"


@dataclass(frozen=True)
class Rates:
    """The search for the rate: what its plan misses."""

    search: Search

    def wanted(self, trials: Sequence[Trial]) -> Wanted:
        """The next runs of the plan; a run that failed counts as the worst there is, so the plan goes on without it."""
        return Wanted([_rate_proposal(run.rate, run.seed, run.stage) for run in missing(self.search, measured(trials))])

    def left(self, trials: Sequence[Trial]) -> int:
        """What the plan still wants where nothing surprises; trials that run now are among those begun."""
        return max(0, left(self.search, measured(trials)) - sum(trial.state == "running" for trial in trials))

    def draw(self, study: "optuna.Study", number: int) -> "tuple[optuna.Trial, Proposal]":
        """A plan draws nothing."""
        raise NotImplementedError

    def distributions(self, proposal: Proposal) -> "Mapping[str, BaseDistribution]":
        """Any rate: a later search may have another range."""
        import optuna

        return {name: optuna.distributions.FloatDistribution(1e-12, 1e3, log=True) for name in proposal.params}


def measured(trials: Sequence[Trial]) -> Measured:
    """What the trials of a search for the rate have shown."""
    scores: Scores = {}
    curve = None
    for trial in trials:
        if trial.proposal.kind == RANGE_TEST:
            if trial.state == "complete":
                curve = Curve(tuple(trial.facts["rates"]), tuple(trial.facts["losses"]))  # type: ignore[arg-type]
            elif trial.state == "failed":
                curve = Curve((), ())
        elif trial.state in ("complete", "failed"):
            value = trial.value if trial.value is not None else 0.0
            scores.setdefault(float(trial.proposal.params[RATE]), {})[trial.proposal.seed] = value
    return Measured(scores, curve)


def _rate_proposal(rate: float, seed: int, stage: int) -> Proposal:
    if not rate:
        return Proposal({}, seed, RANGE_TEST, {"stage": stage})
    return Proposal({RATE: rate}, seed, "rate", {"stage": stage})
