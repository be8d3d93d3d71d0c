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
class PoolRows:
    """Candidates of many queries, row by row."""

    query: Ints
    positive: Flags
    queries: int


@dataclass(frozen=True, slots=True)
class ChoiceRule:
    """What is done with the scores: so many below margin x the worst positive, the best or evenly from best to worst."""

    margin: float
    negatives: int
    certainty: float
    """How many standard errors of a cheap score count as near."""
    evenly: Callable[[int, int], Ints] | None = None
    """The places that an even choice takes: of so many candidates so many. None where the best are taken."""


def prescored(pool: PoolRows, cheap: Scores, exact: Exact, rule: ChoiceRule) -> tuple[Scores, Flags]:
    """Scores of all rows, and which of them are exact."""
    scores, is_exact = cheap.copy(), np.zeros(len(cheap), dtype=bool)
    doubtful = pool.positive.copy()
    for _ in range(ROUNDS):
        rows = np.flatnonzero(doubtful & ~is_exact)
        if not len(rows):
            break
        scores[rows], is_exact[rows] = exact(rows), True
        near = rule.certainty * _error(cheap[is_exact], scores[is_exact])
        bar = _bars(pool, scores, rule.margin)
        doubtful = np.abs(scores - bar[pool.query]) <= near
        for border in _borders(pool, scores, bar, rule):
            doubtful |= np.abs(scores - border[pool.query]) <= near
    return scores, is_exact


def _error(cheap: Scores, exact: Scores) -> float:
    return float(np.sqrt(np.mean((cheap - exact) ** 2)))


def _bars(pool: PoolRows, scores: Scores, margin: float) -> Scores:
    """The margin of each query; without a positive, none."""
    lowest = np.full(pool.queries, np.inf)
    np.minimum.at(lowest, pool.query[pool.positive], scores[pool.positive])
    return margin * lowest


def _borders(pool: PoolRows, scores: Scores, bar: Scores, rule: ChoiceRule) -> Scores:
    """For each place that decides who is chosen the score that each query has there; where there are too few, none is in doubt.

    The best are decided at the last place that is taken, an even choice at every place that it takes.
    """
    rows = np.flatnonzero(~pool.positive & (scores < bar[pool.query]))
    rows = rows[np.lexsort((-scores[rows], pool.query[rows]))]
    start = np.searchsorted(pool.query[rows], np.arange(pool.queries + 1))
    fit = np.diff(start)
    borders = np.full((rule.negatives if rule.evenly else 1, pool.queries), -np.inf)
    for number in np.unique(fit[fit >= rule.negatives]).tolist():
        alike = np.flatnonzero(fit == number)
        places = rule.evenly(number, rule.negatives) if rule.evenly else np.array([rule.negatives - 1])
        borders[:, alike] = scores[rows[start[alike] + places[:, None]]]
    return borders
