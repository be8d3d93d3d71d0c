"""A run's history as series with one value a validation; histories that can't be believed are refused."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from haechi.guards.history import HistoryRow
from haechi.runtime.errors import HaechiError

SAME = 1e-9


@dataclass(frozen=True)
class History:
    """What was measured at each validation; an empty series was not measured."""

    steps: tuple[int, ...]
    score: tuple[float, ...]
    """The validation metric, higher is better."""
    loss: tuple[float, ...] = ()
    """Validation loss."""
    training_loss: tuple[float, ...] = ()
    """Mean training loss since the validation before."""
    gradient: tuple[float, ...] = ()
    """Mean gradient norm since the validation before."""


def series_of(rows: Sequence[HistoryRow], metric: str, source: Path) -> History:
    """The rows of history.jsonl as series; the base, before the first step, is left out."""
    if not rows:
        raise HaechiError(f"{source}: is empty; a sweet spot needs the history of a training")
    key = f"valid_{metric}"
    scored = [row for row in rows if row.step > 0 and key in row.figures]
    if not scored:
        raise HaechiError(f"{source}: has no validation ({key}), and a sweet spot of the training figures would be none")
    ends = [row.step for row in scored]
    history = History(
        tuple(ends),
        _values(scored, key),
        _values(scored, "valid_loss") if all("valid_loss" in row.figures for row in scored) else (),
        _between(rows, ends, "loss"),
        _between(rows, ends, "grad_norm"),
    )
    check(history, source)
    return history


def check(history: History, source: Path) -> None:
    """Refuse figures that are no numbers, and validation that is training's own, copied or turned round."""
    for name in ("score", "loss", "training_loss", "gradient"):
        series = getattr(history, name)
        if odd := [step for step, value in zip(history.steps, series, strict=False) if not np.isfinite(value)]:
            raise HaechiError(f"{source}: {name.replace('_', ' ')} is not a finite number at step {odd[0]}")
    for name in ("score", "loss"):
        if _copied(getattr(history, name), history.training_loss):
            raise HaechiError(
                f"{source}: the validation {name} is the training loss, step by step; a sweet spot in it would be one of training"
            )


def _copied(series: Sequence[float], other: Sequence[float]) -> bool:
    """Whether one is the other, or a straight function of it; three points or more, since two always lie on a line."""
    if len(series) < 3 or len(series) != len(other):
        return False
    one, two = np.asarray(series), np.asarray(other)
    if np.ptp(one) <= SAME or np.ptp(two) <= SAME:
        return bool(np.allclose(one, two, rtol=0, atol=SAME))
    return bool(1.0 - abs(float(np.corrcoef(one, two)[0, 1])) < SAME)


def _values(rows: Sequence[HistoryRow], key: str) -> tuple[float, ...]:
    """One a row; what was no finite number is none here either."""
    return tuple(float("nan") if (value := row.figures[key]) is None else float(value) for row in rows)


def _between(rows: Sequence[HistoryRow], ends: Sequence[int], key: str) -> tuple[float, ...]:
    """The mean of a figure over the rows since the validation before; nothing where some stretch has none."""
    given = [row for row in rows if key in row.figures]
    points = list(zip((row.step for row in given), _values(given, key), strict=True))
    means: list[float] = []
    start = 0
    for end in ends:
        inside = [value for step, value in points if start < step <= end]
        if not inside:
            return ()
        means.append(float(np.mean(inside)))
        start = end
    return tuple(means)
