"""When to answer nothing: the score below which a query is better left unanswered.

Unanswerable queries are everyday questions of the probe, which the corpus of law can't answer.
The threshold is chosen on validation queries and one half of the probe, and judged on test queries and the other half.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np


def best_threshold(answerable: Sequence[float], unanswerable: Sequence[float]) -> float:
    """The threshold with the best sum of shares told right; a score that equals it is answered."""
    candidates = sorted({*answerable, *unanswerable})
    right = [(_share(answerable, t) + 1.0 - _share(unanswerable, t), t) for t in candidates]
    best = max(score for score, _ in right)
    return next(t for score, t in right if score == best)


def judge_threshold(threshold: float, answerable: Sequence[float], unanswerable: Sequence[float]) -> dict[str, float]:
    """What the threshold does to queries that did not choose it."""
    return {
        "threshold": threshold,
        "answered": _share(answerable, threshold),
        "refused": 1.0 - _share(unanswerable, threshold),
        "auroc": auroc(answerable, unanswerable),
    }


def curve(answerable: Sequence[float], unanswerable: Sequence[float], points: int = 50) -> list[dict[str, Any]]:
    """Shares answered and refused over thresholds."""
    thresholds = np.quantile([*answerable, *unanswerable], np.linspace(0, 1, points))
    return [
        {"threshold": float(t), "answered": _share(answerable, float(t)), "refused": 1.0 - _share(unanswerable, float(t))}
        for t in thresholds
    ]


def auroc(high: Sequence[float], low: Sequence[float]) -> float:
    """The chance that an answerable query scores above an unanswerable one; ties count half."""
    below = np.sort(np.asarray(low))
    left, right = (np.searchsorted(below, np.asarray(high), side=side) for side in ("left", "right"))
    return float((left + right).mean() / (2 * len(below)))


def _share(scores: Sequence[float], threshold: float) -> float:
    return float((np.asarray(scores) >= threshold).mean())
