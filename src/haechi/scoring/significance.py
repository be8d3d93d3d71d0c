"""How sure a mean or a difference is: cluster bootstrap intervals and a paired sign-flip test.

Queries of one decision resemble each other, so whole groups are resampled and flipped, never single queries.
Intervals are percentile intervals, widened for few groups as Hesterberg (2015) does: plain ones are too narrow by the
factor by which a t quantile exceeds a normal one.
All columns of one call share their draws: that costs less, and each column alone is as random as before.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import NormalDist

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[np.float64]

ALPHA = 0.05
POWER = 0.8
BLOCK = 2**18  # random numbers held at a time: few enough for the processor's cache, and memory stays flat


@dataclass(frozen=True, slots=True)
class Interval:
    """A mean with its bootstrap interval."""

    value: float
    low: float
    high: float


@dataclass(frozen=True, slots=True)
class Difference:
    """A paired difference, its interval, and the probability of one as large by chance."""

    value: float
    low: float
    high: float
    p: float
    wins: int
    ties: int
    losses: int
    detectable: float
    """The smallest true difference that a test on these queries would find in 80 of 100 cases; infinite for one group."""
    needed: int | None
    """Queries of this kind that would find a difference as large as the observed one; None if none was observed."""


class Resampler:
    """Draws for one set of queries; the same seed gives the same draws."""

    def __init__(self, groups: Sequence[str], draws: int, confidence: float, seed: int) -> None:
        _, self._index = np.unique(np.asarray(groups), return_inverse=True)
        self._sizes = np.bincount(self._index).astype(np.float64)
        self._draws, self._confidence, self._seed = draws, confidence, seed

    @property
    def _groups(self) -> int:
        return len(self._sizes)

    def intervals(self, columns: Array) -> list[Interval]:
        """The interval of each column's mean.  # columns: (queries, columns)"""
        tail = self._tail()
        lows, highs = np.quantile(self._resampled(columns), [tail, 1 - tail], axis=0)
        values = columns.mean(axis=0)
        return [Interval(float(v), float(low), float(high)) for v, low, high in zip(values, lows, highs, strict=True)]

    def differences(self, first: Array, second: Array) -> list[Difference]:
        """Mean of first - second, column by column, over the same queries."""
        gaps = first - second
        ps = self._flip(self._by_group(gaps))
        return [
            self._difference(gaps[:, i], interval, p)
            for i, (interval, p) in enumerate(zip(self.intervals(gaps), ps, strict=True))
        ]

    def optimism(self, columns: Array) -> float:
        """How much higher the best of these columns scores because it was chosen on these very queries.

        Efron's bootstrap: in each sample the best column is chosen and its mean there compared with its mean over all queries.
        """
        means = self._resampled(columns)
        best = means.argmax(axis=1)
        return float((means[np.arange(len(means)), best] - columns.mean(axis=0)[best]).mean())

    def standard_error(self, gaps: Array) -> float:
        """Of the mean over queries, robust to likeness within groups; infinite for a single group.  # gaps: (queries,)"""
        if self._groups < 2:
            return math.inf
        rest = self._by_group(gaps[:, None])[:, 0] - gaps.mean() * self._sizes
        return float(math.sqrt(self._groups / (self._groups - 1) * (rest**2).sum()) / len(gaps))

    def _resampled(self, columns: Array) -> Array:
        """Means over samples of groups.  # (draws, columns)"""
        sums = self._by_group(columns)
        rng = np.random.default_rng([self._seed, 1])
        means = np.empty((self._draws, columns.shape[1]))
        for start, stop in self._blocks():
            drawn = rng.integers(self._groups, size=(stop - start, self._groups))
            counts = np.stack([np.bincount(row, minlength=self._groups) for row in drawn]).astype(np.float64)
            means[start:stop] = (counts @ sums) / (counts @ self._sizes)[:, None]
        return means

    def _difference(self, gaps: Array, interval: Interval, p: float) -> Difference:
        error = self.standard_error(gaps)
        smallest = _quantiles(self._groups - 1) * error if self._groups > 1 else math.inf
        needed = None
        if abs(interval.value) > 1e-12 and math.isfinite(smallest):
            needed = math.ceil(len(gaps) * (smallest / abs(interval.value)) ** 2)
        wins, losses = int((gaps > 1e-12).sum()), int((gaps < -1e-12).sum())
        return Difference(
            interval.value, interval.low, interval.high, p, wins, len(gaps) - wins - losses, losses, float(smallest), needed
        )

    def _flip(self, sums: Array) -> list[float]:
        """Two-sided p by flipping the sign of whole groups, with one added (never 0)."""
        rng = np.random.default_rng([self._seed, 2])
        total = sums.sum(axis=0)
        # a sum that differs by rounding only is as large as the observed one
        bound = np.abs(total) - 1e-12 * np.maximum(1.0, np.abs(sums).sum(axis=0))
        as_large = np.zeros(sums.shape[1], dtype=np.int64)
        for start, stop in self._blocks():
            bits = np.frombuffer(rng.bytes((stop - start) * -(-self._groups // 8)), dtype=np.uint8)
            signs = np.unpackbits(bits.reshape(stop - start, -1), axis=1)[:, : self._groups].astype(np.float64)
            as_large += (np.abs(2.0 * (signs @ sums) - total) >= bound).sum(axis=0)
        return [(int(count) + 1) / (self._draws + 1) for count in as_large]

    def _tail(self) -> float:
        tail = (1 - self._confidence) / 2
        if self._groups < 2:
            return tail
        widened = math.sqrt(self._groups / (self._groups - 1)) * _t_quantile(tail, self._groups - 1)
        return NormalDist().cdf(widened)

    def _by_group(self, columns: Array) -> Array:
        return np.stack([np.bincount(self._index, weights=column) for column in columns.T], axis=1)

    def _blocks(self) -> list[tuple[int, int]]:
        step = max(1, BLOCK // self._groups)
        return [(start, min(start + step, self._draws)) for start in range(0, self._draws, step)]


def interval(values: Sequence[float], groups: Sequence[str], draws: int, confidence: float, seed: int) -> Interval:
    """The interval of one mean."""
    return Resampler(groups, draws, confidence, seed).intervals(np.asarray(values, dtype=np.float64)[:, None])[0]


def difference(
    first: Sequence[float], second: Sequence[float], groups: Sequence[str], draws: int, confidence: float, seed: int
) -> Difference:
    """One paired difference."""
    one, two = (np.asarray(side, dtype=np.float64)[:, None] for side in (first, second))
    return Resampler(groups, draws, confidence, seed).differences(one, two)[0]


def holm(ps: Sequence[float]) -> list[float]:
    """Values of p adjusted for a family of tests (Holm 1979), in the order given."""
    adjusted = [0.0] * len(ps)
    highest = 0.0
    for place, index in enumerate(sorted(range(len(ps)), key=lambda i: ps[i])):
        highest = max(highest, min(1.0, (len(ps) - place) * ps[index]))
        adjusted[index] = highest
    return adjusted


def _t_quantile(share: float, degrees: int) -> float:
    from scipy.special import stdtrit  # a quarter of a second, which only those who test should pay

    return float(stdtrit(degrees, share))


def _quantiles(degrees: int) -> float:
    """Standard errors between no difference and one that is found with the wanted power."""
    return _t_quantile(1 - ALPHA / 2, degrees) + _t_quantile(POWER, degrees)
