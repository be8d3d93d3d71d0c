"""Cheap scores first, exact ones only where they could change who is chosen.

Every candidate gets a cheap score. Exact are those of the positives, and of candidates so near to the margin, or to a place
where the choice ends, that the error of a cheap score could move them across; the error is learnt from pairs that have both.
Gives up exact numbers for candidates that are chosen or left out with room to spare.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

Ints = npt.NDArray[np.int64]
Flags = npt.NDArray[np.bool_]
Scores = npt.NDArray[np.float64]
Exact = Callable[[Ints], Scores]
"""Exact scores of those rows."""

ROUNDS = 8
"""At most: each round asks only for what the one before has brought near."""


@dataclass(frozen=True, slots=True)
class Asked:
    """Candidates of many queries, row by row."""

    query: Ints
    positive: Flags
    queries: int


@dataclass(frozen=True, slots=True)
class Wanted:
    """What is done with the scores: so many below margin x the worst positive, the best or evenly from best to worst."""

    margin: float
    negatives: int
    certainty: float
    """How many standard errors of a cheap score count as near."""
    evenly: Callable[[int, int], Ints] | None = None
    """The places that an even choice takes: of so many candidates so many. None where the best are taken."""


def prescored(asked: Asked, cheap: Scores, exact: Exact, wanted: Wanted) -> tuple[Scores, Flags]:
    """Scores of all rows, and which of them are exact."""
    scores, known = cheap.copy(), np.zeros(len(cheap), dtype=bool)
    doubtful = asked.positive.copy()
    for _ in range(ROUNDS):
        rows = np.flatnonzero(doubtful & ~known)
        if not len(rows):
            break
        scores[rows], known[rows] = exact(rows), True
        near = wanted.certainty * _error(cheap[known], scores[known])
        bar = _bars(asked, scores, wanted.margin)
        doubtful = np.abs(scores - bar[asked.query]) <= near
        for border in _borders(asked, scores, bar, wanted):
            doubtful |= np.abs(scores - border[asked.query]) <= near
    return scores, known


def _error(cheap: Scores, exact: Scores) -> float:
    return float(np.sqrt(np.mean((cheap - exact) ** 2)))


def _bars(asked: Asked, scores: Scores, margin: float) -> Scores:
    """The margin of each query; without a positive, none."""
    lowest = np.full(asked.queries, np.inf)
    np.minimum.at(lowest, asked.query[asked.positive], scores[asked.positive])
    return margin * lowest


def _borders(asked: Asked, scores: Scores, bar: Scores, wanted: Wanted) -> Scores:
    """For each place that decides who is chosen the score that each query has there; where there are too few, none is in doubt.

    The best are decided at the last place that is taken, an even choice at every place that it takes.
    """
    rows = np.flatnonzero(~asked.positive & (scores < bar[asked.query]))
    rows = rows[np.lexsort((-scores[rows], asked.query[rows]))]
    start = np.searchsorted(asked.query[rows], np.arange(asked.queries + 1))
    fit = np.diff(start)
    borders = np.full((wanted.negatives if wanted.evenly else 1, asked.queries), -np.inf)
    for number in np.unique(fit[fit >= wanted.negatives]).tolist():
        alike = np.flatnonzero(fit == number)
        places = wanted.evenly(number, wanted.negatives) if wanted.evenly else np.array([wanted.negatives - 1])
        borders[:, alike] = scores[rows[start[alike] + places[:, None]]]
    return borders
