"""The sweet spot of a training: voters look at its history in different ways, and agree on a step or abstain.

Each voter names the middle of the steps that it can't tell apart. None speaks where the history can't be told from noise.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from haechi.guards.history import HistoryRow
from haechi.selection.change_points import Array, bent_line, mann_kendall, noise, smooth, structured
from haechi.selection.history import History, series_of
from haechi.selection.params import SelectParams

FLAT = 0.1
"""p above which a stretch has no trend."""
WITHIN = 3.0
"""A plateau's values lie within so many standard deviations of noise of their middle."""
SHORTEST_PLATEAU = 4
HEALTHY = (1e-3, 10.0)
"""Gradient norms between these are well."""


@dataclass(frozen=True)
class Vote:
    """What a voter says: a place in the history, or nothing and why."""

    at: int | None
    why: str


@dataclass(frozen=True)
class Spot:
    """What the voters agree on."""

    step: int | None
    agreement: float
    """Share of the voters' weight that stands behind it."""
    votes: Mapping[str, int | None]
    """Voter -> step."""
    reasons: Mapping[str, str]
    why: str

    def checkpoint(self, names: Sequence[str]) -> str:
        """The kept checkpoint of that step; empty where there is none."""
        return next((name for name in names if self.step is not None and int(name.rpartition("-")[2]) == self.step), "")

    def facts(self) -> dict[str, Any]:
        """For the figures of select."""
        return {"step": self.step, "agreement": round(self.agreement, 6), "votes": dict(self.votes), "why": self.why}


def find_spot(rows: Sequence[HistoryRow], params: SelectParams, source: Path) -> Spot:
    """Read the history and let the voters of the parameters vote."""
    return vote(series_of(rows, params.metric, source), params)


def vote(history: History, params: SelectParams) -> Spot:
    """Votes within the tolerance of each other are one; most weight wins, and among equals the place nearest to all of them."""
    seen: dict[str, Vote] = {name: _VOTERS[name](history, params) for name, weight in params.voters.items() if weight > 0}
    votes = {name: None if one.at is None else history.steps[one.at] for name, one in seen.items()}
    cast = {name: one.at for name, one in seen.items() if one.at is not None}
    reasons = {name: one.why for name, one in seen.items()}
    if not cast:
        return Spot(None, 0.0, votes, reasons, "all voters abstain; the best validated checkpoint counts")
    weights: dict[str, float] = {name: weight for name, weight in params.voters.items() if weight > 0}
    total = sum(weights.values())

    def support(place: int) -> float:
        return sum(weights[name] for name, at in cast.items() if abs(at - place) <= params.tolerance)

    def distance(place: int) -> float:
        return sum(weights[name] * abs(at - place) for name, at in cast.items() if abs(at - place) <= params.tolerance)

    best = max(range(len(history.steps)), key=lambda place: (round(support(place), 9), -round(distance(place), 9), -place))
    agreement, behind = support(best) / total, [name for name, at in cast.items() if abs(at - best) <= params.tolerance]
    spoken = ", ".join(f"{name} {'abstains' if step is None else f'says {step}'}" for name, step in votes.items())
    if len(behind) < min(2, len(seen)) or agreement < params.agreement:
        why = f"no step has {params.agreement:.0%} of the voters behind it ({spoken}); the best validated checkpoint counts"
        return Spot(None, agreement, votes, reasons, why)
    return Spot(
        history.steps[best], agreement, votes, reasons, f"step {history.steps[best]}, {agreement:.0%} of the voters ({spoken})"
    )


def plateau(history: History, params: SelectParams) -> Vote:
    """The middle of the longest contiguous stretch at the top without a trend."""
    del params
    if not structured(history.score):
        return Vote(None, "validation can't be told from noise")
    values, level = np.asarray(history.score), noise(history.score)
    top = float(smooth(history.score).max())
    longest: tuple[int, float, int, int] | None = None
    for start in range(len(values)):
        for end in range(start + SHORTEST_PLATEAU, len(values) + 1):
            stretch = values[start:end]
            middle = float(np.median(stretch))
            flat = float(np.abs(stretch - middle).max()) <= WITHIN * level and mann_kendall(stretch.tolist()) > FLAT
            high = top - float(stretch.mean()) <= 2 * level
            if flat and high and (longest is None or (end - start, float(stretch.mean())) > longest[:2]):
                longest = (end - start, float(stretch.mean()), start, end)
    if longest is None:
        return Vote(None, "no stretch at the top is without a trend")
    _, _, start, end = longest
    return Vote((start + end - 1) // 2, f"flat from step {history.steps[start]} to {history.steps[end - 1]}")


def change(history: History, params: SelectParams) -> Vote:
    """Where a line with at most two bends, fitted to validation, is highest."""
    del params
    bent = bent_line(history.score) if structured(history.score) else None
    if bent is None:
        return Vote(None, "validation can't be told from noise")
    if not bent.knots:
        return Vote(None, "validation has no bend")
    return Vote(_middle_of_top(bent.fitted, bent.error), f"bends at {', '.join(str(history.steps[k]) for k in bent.knots)}")


def optimum(history: History, params: SelectParams) -> Vote:
    """The best smoothed validation, and the middle of what is as good around it."""
    del params
    if not structured(history.score):
        return Vote(None, "validation can't be told from noise")
    return Vote(_middle_of_top(smooth(history.score), noise(history.score)), "best smoothed validation")


def criteria(history: History, params: SelectParams) -> Vote:
    """The best weighted sum of loss, accuracy, stability and health of gradients; a criterion that is noise has no say."""
    parts = {
        "loss": -np.asarray(history.loss),
        "accuracy": np.asarray(history.score),
        "stability": _stability(history.score),
        "gradient": _health(history.gradient),
    }
    every = {"stability": 3}  # neighbouring jumps share values, and would resemble each other in noise too
    heard = {
        name: smooth(parts[name].tolist())
        for name, weight in params.criteria.items()
        if weight and structured(parts[name][:: every.get(name, 1)].tolist())
    }
    if not {"loss", "accuracy"} & heard.keys():
        return Vote(None, "neither loss nor accuracy can be told from noise")
    total = sum(params.criteria[name] for name in heard)
    level = noise(history.score) / max(float(np.ptp(heard["accuracy"])), 1e-12) if "accuracy" in heard else 0.0
    shares = [(series - series.min()) / np.ptp(series) * params.criteria[name] / total for name, series in heard.items()]
    scored = np.sum(shares, axis=0)
    return Vote(_middle_of_top(scored, level), f"best in {', '.join(heard)}")


_VOTERS: Mapping[str, Callable[[History, SelectParams], Vote]] = {
    "plateau": plateau,
    "criteria": criteria,
    "change": change,
    "optimum": optimum,
}


def _middle_of_top(values: Array, error: float) -> int:
    """The middle of the stretch around the highest value that lies within a standard error (of a mean of three) of it."""
    best = int(values.argmax())
    good = values >= values[best] - error / np.sqrt(3)
    start = end = best
    while start > 0 and good[start - 1]:
        start -= 1
    while end < len(values) - 1 and good[end + 1]:
        end += 1
    return (start + end) // 2


def _stability(values: Sequence[float]) -> Array:
    """How little each value jumps out of line with its neighbours."""
    second = -np.abs(np.diff(np.asarray(values, dtype=np.float64), n=2))
    return np.pad(second, 1, mode="edge") if len(second) else np.zeros(len(values))


def _health(norms: Sequence[float]) -> Array:
    """1 for gradients of a healthy size, less the further away from it."""
    x = np.asarray(norms, dtype=np.float64)
    low, high = HEALTHY
    return np.where(x <= 0, 0.0, np.where(x < low, x / low, np.where(x >= high, high / np.maximum(x, high), 1.0)))
