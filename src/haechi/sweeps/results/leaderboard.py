"""The leaderboard: parameters by their validation score, and which of them can't be distinguished from the best."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

from haechi.sweeps.engine.methods import CURRENT
from haechi.sweeps.engine.trial import Trial
from haechi.sweeps.results.indistinguishable import Noise, Standing, noise, standings


class Said(NamedTuple):
    """The same in both languages."""

    en: str
    ko: str


@dataclass(frozen=True)
class Row:
    """One set of parameters."""

    trial: Trial
    """The first run with them."""
    standing: Standing[int]
    current: bool
    """Whether it is what params.yaml had."""


@dataclass(frozen=True)
class Leaderboard:
    """All of them, the best first."""

    rows: tuple[Row, ...]
    noise: Noise

    @property
    def verdict(self) -> str:
        """What may be said."""
        return self.said.en

    @property
    def said(self) -> Said:
        """What may be said, in both languages."""
        if not self.rows:
            return Said("no trial has ended yet", "아직 끝난 시도가 없습니다")
        best, tied = self.rows[0], sum(row.standing.tied for row in self.rows[1:])
        number = best.trial.number
        if not self.noise.degrees:
            return Said(
                f"trial {number} leads, but no trial was repeated with another seed, so nothing can be distinguished from it",
                f"{number}번 시도가 앞서지만, 다른 시드로 되풀이한 시도가 없어 나머지와 구별할 수 없습니다",
            )
        en, ko = self._beside_present(best)
        if not tied:
            return Said(f"trial {number} is better than every other{en}", f"{number}번 시도가 다른 모든 시도보다 낫습니다{ko}")
        return Said(
            f"trial {number} leads; {tied} other(s) can't be distinguished from it{en}",
            f"{number}번 시도가 앞서지만, 다른 {tied}건과는 구별할 수 없습니다{ko}",
        )

    def _beside_present(self, best: Row) -> Said:
        present = next((row for row in self.rows if row.current), None)
        if present is None:
            return Said("", "")
        if present is best:
            return Said("; these are the parameters as they are", ". 지금 params.yaml에 있는 값입니다")
        if present.standing.tied:
            return Said("; it can't be distinguished from the parameters as they are", ". 지금 값과도 구별할 수 없습니다")
        behind = f"{present.standing.behind:.4f}"
        return Said(f"; it is better than the parameters as they are by {behind}", f". 지금 값보다 {behind} 낫습니다")


def leaderboard(trials: Sequence[Trial], goal: str) -> Leaderboard:
    """From all complete trials; repeats count with the trial that they repeat."""
    sign = 1.0 if goal == "maximize" else -1.0
    complete = {trial.number: trial for trial in trials if trial.state == "complete" and trial.value is not None}
    runs: dict[int, dict[int, float]] = {}
    for number, trial in complete.items():
        first = int(trial.proposal.facts["of"]) if trial.proposal.kind == "repeat" else number
        if first in complete:
            runs.setdefault(first, {})[trial.proposal.seed] = sign * (trial.value or 0.0)
    rows = [Row(complete[s.name], s, bool(complete[s.name].proposal.facts.get(CURRENT))) for s in standings(runs)]
    return Leaderboard(tuple(rows), noise(runs))


if TYPE_CHECKING:
    import optuna

FEWEST = 8
"""Complete trials below which a share would be made up."""


def importance(study: "optuna.Study") -> dict[str, float]:
    """Shares by fANOVA over the parameters that all trials have; empty where too few trials have ended."""
    import optuna

    ended = study.get_trials(deepcopy=False, states=[optuna.trial.TrialState.COMPLETE])
    complete = [trial for trial in ended if trial.params]  # that of the present parameters may lie outside the ranges
    if len(complete) < FEWEST or len({trial.value for trial in complete}) < 2:
        return {}
    copy = optuna.create_study(direction=study.direction)
    copy.add_trials(complete)
    evaluator = optuna.importance.FanovaImportanceEvaluator(seed=7)
    return {name: float(share) for name, share in optuna.importance.get_param_importances(copy, evaluator=evaluator).items()}
