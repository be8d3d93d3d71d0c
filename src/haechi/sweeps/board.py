"""The leaderboard: parameters by their validation score, and which of them can't be told apart from the best."""

from collections.abc import Sequence
from dataclasses import dataclass

from haechi.sweeps.methods import CURRENT
from haechi.sweeps.ties import Noise, Standing, noise, standings
from haechi.sweeps.trial import Trial


@dataclass(frozen=True)
class Row:
    """One set of parameters."""

    trial: Trial
    """The first run with them."""
    standing: Standing[int]
    current: bool
    """Whether it is what params.yaml had."""


@dataclass(frozen=True)
class Board:
    """All of them, the best first."""

    rows: tuple[Row, ...]
    noise: Noise

    @property
    def verdict(self) -> str:
        """What may be said."""
        if not self.rows:
            return "no trial has ended yet"
        best, others = self.rows[0], [row for row in self.rows[1:] if row.standing.tied]
        name = f"trial {best.trial.number}"
        if not self.noise.degrees:
            return f"{name} leads, but no trial was repeated with another seed, so nothing can be told apart from it"
        current = next((row for row in self.rows if row.current), None)
        than = ""
        if current and current is not best:
            than = (
                "; it can't be told apart from the parameters as they are"
                if current.standing.tied
                else (f"; it is better than the parameters as they are by {current.standing.behind:.4f}")
            )
        if current is best:
            than = "; these are the parameters as they are"
        if not others:
            return f"{name} is better than every other{than}"
        return f"{name} leads; {len(others)} other(s) can't be told apart from it{than}"


def board(trials: Sequence[Trial], goal: str) -> Board:
    """From all complete trials; repeats count with the trial that they repeat."""
    sign = 1.0 if goal == "maximize" else -1.0
    complete = {trial.number: trial for trial in trials if trial.state == "complete" and trial.value is not None}
    runs: dict[int, dict[int, float]] = {}
    for number, trial in complete.items():
        first = int(trial.proposal.facts["of"]) if trial.proposal.kind == "repeat" else number
        if first in complete:
            runs.setdefault(first, {})[trial.proposal.seed] = sign * (trial.value or 0.0)
    rows = [Row(complete[s.name], s, bool(complete[s.name].proposal.facts.get(CURRENT))) for s in standings(runs)]
    return Board(tuple(rows), noise(runs))
