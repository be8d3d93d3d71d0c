"""Is there a trend, a structure, a bend? Small tests on short noisy series, by scipy where it has them."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[np.float64]

SHORTEST = 8
"""Shorter series say nothing: with five points hardly any trend could ever be told from noise."""
SURE = 0.01
"""Share of pure noise that may pass for structure."""


def mann_kendall(values: Sequence[float]) -> float:
    """Two-sided p of no monotone trend; ties are corrected for, and short series without ties are counted out exactly.

    Kendall's tau of a series with its own order is the statistic of Mann and Kendall; a constant series has no trend.
    """
    from scipy.stats import kendalltau

    if len(set(values)) < 2:
        return 1.0
    return float(kendalltau(np.arange(len(values)), values).pvalue)


def structured(values: Sequence[float]) -> bool:
    """Whether neighbours resemble each other more than in noise, or the whole rises or falls."""
    from scipy.stats import spearmanr

    if len(values) < SHORTEST or len(set(values)) < 3:
        return False
    before, after = values[:-1], values[1:]
    if len(set(before)) < 2 or len(set(after)) < 2:
        return False
    neighbours = float(spearmanr(before, after, alternative="greater").pvalue)
    return min(1.0, 2 * min(neighbours, mann_kendall(values))) < SURE


def noise(values: Sequence[float]) -> float:
    """Standard deviation of what isn't smooth, from second differences; a bend or two doesn't count."""
    second = np.abs(np.diff(np.asarray(values, dtype=np.float64), n=2))
    return float(np.median(second) / (0.6745 * np.sqrt(6.0))) if len(second) else 0.0


def smooth(values: Sequence[float]) -> Array:
    """Means of three neighbours; at the ends, of the line through the nearest three, so that a slope doesn't bend there."""
    x = np.asarray(values, dtype=np.float64)
    if len(x) < 3:
        return x
    inner = (x[:-2] + x[1:-1] + x[2:]) / 3
    head, tail = (5 * x[0] + 2 * x[1] - x[2]) / 6, (5 * x[-1] + 2 * x[-2] - x[-3]) / 6
    return np.concatenate([[head], inner, [tail]])


@dataclass(frozen=True)
class Bent:
    """A line with at most two bends, fitted to a series."""

    knots: tuple[int, ...]
    fitted: Array
    error: float
    """Standard deviation of what it leaves."""


def bent_line(values: Sequence[float]) -> Bent | None:
    """The continuous line with no, one or two bends that Bayes' criterion prefers; None where a constant does as well.

    A bend costs two parameters, its place and its slope.
    """
    y = np.asarray(values, dtype=np.float64)
    n = len(y)
    if n < SHORTEST:
        return None
    x = np.arange(n, dtype=np.float64)
    inner = range(2, n - 2)
    choices: list[tuple[int, ...]] = [(), *((k,) for k in inner), *((k, m) for k in inner for m in inner if m >= k + 2)]
    best: tuple[float, Bent] | None = None
    floor = n * 1e-18 * max(1.0, float(np.abs(y).max())) ** 2  # a perfect fit has no logarithm
    for knots in choices:
        design = np.stack([np.ones(n), x, *(np.maximum(x - k, 0.0) for k in knots)], axis=1)
        fitted = design @ np.linalg.lstsq(design, y, rcond=None)[0]
        left = float(((y - fitted) ** 2).sum())
        freedom = max(1, n - design.shape[1] - len(knots))
        cost = n * np.log((left + floor) / n) + (2 + 2 * len(knots)) * np.log(n)
        if best is None or cost < best[0] - 1e-9:
            best = (cost, Bent(knots, fitted, float(np.sqrt(left / freedom))))
    constant = n * np.log((float(((y - y.mean()) ** 2).sum()) + floor) / n) + np.log(n)
    return best[1] if best and best[0] < constant else None
