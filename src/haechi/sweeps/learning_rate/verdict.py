"""What a search for the rate has found: the best rate, those that can't be distinguished from it, and one chosen among them."""

import math
from dataclasses import dataclass
from typing import Literal

from haechi.sweeps.learning_rate.search import Scores
from haechi.sweeps.results.indistinguishable import Standing, interval, noise, standings

Status = Literal["found", "edge", "tied", "indistinguishable"]
RULES: dict[Status, str] = {
    "found": "it is better than every other rate that was tried",
    "edge": "the best rate is the lowest or the highest that was tried, so a better one may lie beyond; search another range",
    "tied": "the lowest of the rates with as many runs as the best that can't be distinguished from it: it moves the model least",
    "indistinguishable": "no rate that was tried can be distinguished from the best, so there is no reason to change it",
}


@dataclass(frozen=True)
class Verdict:
    """The end of a search."""

    status: Status
    best: float
    interval: tuple[float, float]
    """Of the best rate's mean score, as far as seeds go."""
    tied: tuple[float, ...]
    """Rates that can't be distinguished from the best, itself among them, ascending."""
    chosen: float | None
    """None where there is no reason to choose: `indistinguishable`."""
    spread: float
    """Of a run, by its seed alone."""
    standings: tuple[Standing[float], ...]

    @property
    def rule(self) -> str:
        """Why this one was chosen."""
        return RULES[self.status]


def _status(scores: Scores, best: float, tied: int) -> Status:
    if tied == len(scores):
        return "indistinguishable"
    if best in (min(scores), max(scores)):
        return "edge"
    return "found" if tied == 1 else "tied"


def judge(scores: Scores) -> Verdict:
    """The verdict on what was measured."""
    ranked = standings(scores)
    best = ranked[0]
    tied = [standing for standing in ranked if standing.tied]
    status = _status(scores, best.name, len(tied))
    finalists = [standing.name for standing in tied if standing.runs == best.runs]
    seeds_noise = noise(scores)
    return Verdict(
        status,
        best.name,
        interval(scores, best.name),
        tuple(sorted(standing.name for standing in tied)),
        None if status == "indistinguishable" else min(finalists),
        seeds_noise.spread if seeds_noise.degrees else math.inf,
        tuple(ranked),
    )
