"""How sure a mean or a difference is: cluster bootstrap intervals and a paired sign-flip test.

Queries of one decision resemble each other, so whole groups are resampled and flipped, never single queries.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt


@dataclass(frozen=True, slots=True)
class Interval:
    """A mean with its bootstrap interval."""

    value: float
    low: float
    high: float


@dataclass(frozen=True, slots=True)
class Difference:
    """A paired difference, its interval and the probability of one as large by chance."""

    value: float
    low: float
    high: float
    p: float


def interval(
    values: Sequence[float], groups: Sequence[str], resamples: int, confidence: float, rng: np.random.Generator
) -> Interval:
    """Percentile bootstrap of the mean over resampled groups."""
    sums, sizes = _by_group(values, groups)
    means = _resampled_means(sums, sizes, resamples, rng)
    low, high = np.quantile(means, [(1 - confidence) / 2, (1 + confidence) / 2])
    return Interval(float(sums.sum() / sizes.sum()), float(low), float(high))


def difference(
    first: Sequence[float],
    second: Sequence[float],
    groups: Sequence[str],
    resamples: int,
    confidence: float,
    rng: np.random.Generator,
) -> Difference:
    """Mean of first - second over the same queries; p by flipping the sign of whole groups, with one added (never 0)."""
    gaps = np.asarray(first) - np.asarray(second)
    found = interval(list(gaps), groups, resamples, confidence, rng)
    sums, _ = _by_group(list(gaps), groups)
    signs = rng.choice(np.array([-1.0, 1.0]), size=(resamples, len(sums)))
    flipped = np.abs(signs @ sums)
    # a sum that differs by rounding only is as large as the observed one
    as_large = int((flipped >= abs(sums.sum()) - 1e-12).sum())
    return Difference(found.value, found.low, found.high, (as_large + 1) / (resamples + 1))


def _by_group(values: Sequence[float], groups: Sequence[str]) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]:
    _, index = np.unique(np.asarray(groups), return_inverse=True)
    return np.bincount(index, weights=np.asarray(values)).astype(np.float64), np.bincount(index).astype(np.float64)


def _resampled_means(
    sums: npt.NDArray[np.float64], sizes: npt.NDArray[np.float64], resamples: int, rng: np.random.Generator
) -> npt.NDArray[np.float64]:
    means = np.empty(resamples)
    for i in range(resamples):  # one draw at a time: memory stays flat whatever the number of groups
        drawn = rng.integers(len(sums), size=len(sums))
        means[i] = sums[drawn].sum() / sizes[drawn].sum()
    return means
