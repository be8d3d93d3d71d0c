"""Which learning rate to try next: two plans, each a pure function of what has been measured so far.

A plan gives the runs that are still missing, or none at its end. It keeps no state: a killed search goes on from its results
log, and several processes may share one. Rates are compared by their logarithms, and one within 10% of a tested one counts as
tested. Where the lowest or the highest rate is the best, both plans go on past it while scores rise.
"""

import itertools
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

from haechi.runtime.errors import UsageError
from haechi.sweeps.results.indistinguishable import noise

Plan = Literal["halving", "classic"]
Scores = dict[float, dict[int, float]]
"""Rate -> seed -> validation score."""

NEAR = 1.1
"""A rate within this factor of a tested one reuses its result."""
STRIDE = 1.5
"""Rates past an edge are at least this factor apart."""
FAR = 100.0
"""So many times past its range, and past the present rate, a search goes at most."""


@dataclass(frozen=True)
class Search:
    """How the rate is searched."""

    low: float = 1e-5
    high: float = 1e-2
    plan: Plan = "halving"
    rates: int = 7
    """Rates of the first round; the classic plan has 5 a stage."""
    stages: int = 5
    """Stages of the classic plan, at most."""
    seeds: int = 5
    """Runs of each finalist."""
    seed: int = 7
    """The first of the seeds."""
    present: float = 0.0
    """The rate of params.yaml, which is always tried and runs with all seeds; 0 for none."""

    def check(self) -> None:
        """Refuse what makes no sense."""
        if not (0 < self.low < math.inf and 0 < self.high < math.inf):
            raise UsageError(
                f"lr-sweep: rates lie above 0, since they are spaced by their logarithm; found {self.low:g}..{self.high:g}"
            )
        if self.low >= self.high:
            raise UsageError(f"lr-sweep: the range {self.low:g}..{self.high:g} is empty; --low should be below --high")
        if self.rates < 3:
            raise UsageError(f"lr-sweep: --rates {self.rates}: a search needs 3 rates or more")
        if self.seeds < 2:
            raise UsageError(f"lr-sweep: --seeds {self.seeds}: without a second seed there is no measure of noise")

    def seeds_of(self, count: int) -> range:
        """The first so many seeds."""
        return range(self.seed, self.seed + count)


@dataclass(frozen=True)
class Curve:
    """The range test: one short training in which the rate rises from step to step, and the loss at each rate."""

    rates: tuple[float, ...]
    losses: tuple[float, ...]


@dataclass(frozen=True)
class Measured:
    """Everything that has been measured so far."""

    scores: Scores
    curve: Curve | None = None


@dataclass(frozen=True)
class Run:
    """One training that is still missing; `rate` is 0 for the range test."""

    rate: float
    seed: int
    stage: int


def missing(search: Search, measured: Measured) -> list[Run]:
    """The runs that the plan wants next; they don't depend on each other. Empty at the end."""
    return _halving(search, measured) if search.plan == "halving" else _classic(search, measured.scores)


def left(search: Search, measured: Measured) -> int:
    """How many runs are still missing if nothing surprises: no edge to go past, no top between the rates that were tried."""
    scores = {rate: dict(by_seed) for rate, by_seed in measured.scores.items()}
    made_up, count = Measured(scores, measured.curve), 0
    best = max(scores, key=lambda rate: _mean(scores[rate], list(scores[rate])), default=math.sqrt(search.low * search.high))
    while wanted := missing(search, made_up):
        count += len(wanted)
        for run in wanted:
            if run.rate:
                score_by_seed = scores.setdefault(run.rate, {})
                score_by_seed[run.seed] = (
                    _mean(score_by_seed, list(score_by_seed)) if score_by_seed else -1.0 - math.log10(run.rate / best) ** 2
                )
            else:
                made_up = Measured(scores, Curve((), ()))
    return count


def spaced(low: float, high: float, count: int) -> list[float]:
    """Rates evenly spaced by logarithm, ends included, three digits each."""
    return [_short(10**x) for x in np.linspace(math.log10(low), math.log10(high), count)]


def stand_in(rate: float, rates: Sequence[float]) -> float | None:
    """The tested rate that stands for this one, if there is one within 10%."""
    near = min(rates, key=lambda other: abs(math.log(other / rate)), default=None)
    return near if near is not None and abs(math.log(near / rate)) <= math.log(NEAR) + 1e-9 else None


def bracket(curve: Curve, low: float, high: float) -> tuple[float, float]:
    """Where a rate is worth trying: from a tenth of where the loss begins to fall, to where half of the fall is lost again.

    The test makes few steps at each rate, so real training learns at lower ones. Where the fall doesn't stand out from the
    wiggling of the loss, the whole range is kept.
    """
    if len(curve.rates) < 8:
        return low, high
    losses = np.nan_to_num(np.asarray(curve.losses), nan=np.inf, posinf=np.inf)
    first = int(np.argmin(np.isfinite(losses))) if not np.isfinite(losses).all() else len(losses)
    if first < 8:
        return low, high
    smooth = _smoothed(losses[:first])
    wiggle = float(np.std(losses[:first] - smooth))
    lowest = int(np.argmin(smooth))
    fall = float(smooth[: lowest + 1].max() - smooth[lowest])
    if fall <= 3 * wiggle:
        return low, high
    top = int(np.argmax(smooth[: lowest + 1]))
    start = next(i for i in range(top, lowest + 1) if smooth[i] <= smooth[top] - 0.1 * fall)
    climbed = [i for i in range(lowest, first) if smooth[i] >= smooth[lowest] + 0.5 * fall]
    end = curve.rates[climbed[0]] if climbed else curve.rates[first - 1] if first < len(losses) else high
    return max(low, _short(curve.rates[start] / 10)), min(high, _short(end))


def _smoothed(losses: np.ndarray) -> np.ndarray:
    """A mean over neighbours, shorter at the ends."""
    half = max(2, len(losses) // 20)
    return np.array([losses[max(0, i - half) : i + half + 1].mean() for i in range(len(losses))])


def _halving(search: Search, measured: Measured) -> list[Run]:
    """Range test, a grid within its bracket, then ever fewer rates with ever more seeds, and the vertex of a parabola."""
    if measured.curve is None:
        return [Run(0.0, search.seed, 0)]
    low, high = bracket(measured.curve, search.low, search.high)
    scores, full = measured.scores, search.seeds_of(search.seeds)
    wanted, grid = _first_round(search, scores, spaced(low, high, search.rates), 1)
    if wanted:
        return wanted
    rungs = _rungs(search)
    alive, seeds_before = grid, 1
    for stage, (count, seeds) in enumerate(rungs[1:], start=2):
        alive = sorted({*_top(alive, scores, search.seeds_of(seeds_before), count), *_present(search, scores)})
        if wanted := _untried(alive, scores, search.seeds_of(seeds), stage):
            return wanted
        seeds_before = seeds
    wanted, further = _past_edges(search, scores, grid, alive, full, len(rungs))
    return wanted or _vertices(search, scores, [*grid, *further], [*alive, *further], len(rungs) + 1)


def _first_round(search: Search, scores: Scores, rates: Sequence[float], stage: int) -> tuple[list[Run], list[float]]:
    """One run of each rate, of the present one, and of rates past an edge; what is missing, and the rates."""
    chosen = _present(search, scores)
    for rate in rates:
        stands = stand_in(rate, [*chosen, *scores]) or rate
        chosen += [stands] if stands not in chosen else []
    chosen.sort()
    one = search.seeds_of(1)
    if wanted := _untried(chosen, scores, one, stage):
        return wanted, chosen
    wanted, further = _past_edges(search, scores, chosen, chosen, one, stage)
    return wanted, sorted([*chosen, *further])


def _present(search: Search, scores: Scores) -> list[float]:
    """The present rate, or what stands for it."""
    return [stand_in(search.present, list(scores)) or search.present] if search.present else []


def _past_edges(
    search: Search, scores: Scores, tried: Sequence[float], settled: Sequence[float], seeds: Sequence[int], stage: int
) -> tuple[list[Run], list[float]]:
    """Further rates, one by one, while the outermost tried one is better than all the settled; what is missing for that."""
    further: list[float] = []
    while True:
        tried_now = sorted([*tried, *further])
        first, *others = sorted([*settled, *further], key=lambda rate: -_mean(scores[rate], seeds))
        rising = not others or _mean(scores[first], seeds) > _mean(scores[others[0]], seeds)
        rate = _beyond(search, tried_now, first) if rising and first in (tried_now[0], tried_now[-1]) else None
        if rate is None:
            return [], further
        rate = stand_in(rate, list(scores)) or rate
        further.append(rate)
        if wanted := _untried([rate], scores, seeds, stage):
            return wanted, further


def _beyond(search: Search, tried: Sequence[float], edge: float) -> float | None:
    """The next rate past an edge; None where that would be too far."""
    step = max(STRIDE, (search.high / search.low) ** (1 / (search.rates - 1)))
    ends = [search.low, search.high, *([search.present] if search.present else [])]
    beyond = min(edge * step, max(ends) * FAR) if edge == tried[-1] else max(edge / step, min(ends) / FAR)
    return None if stand_in(beyond, tried) else _short(beyond)


def _rungs(search: Search) -> list[tuple[int, int]]:
    """(rates, seeds) of each round: half of the rates stay, at least three at the end."""
    rungs = [(search.rates, 1)]
    while rungs[-1][1] < search.seeds:
        count, seeds = rungs[-1]
        rungs.append((max(3, -(-count // 2)), min(search.seeds, seeds + 2)))
    return rungs


def _top(rates: Sequence[float], scores: Scores, seeds: Sequence[int], count: int) -> list[float]:
    return sorted(sorted(rates, key=lambda rate: -_mean(scores[rate], seeds))[:count])


def _vertices(search: Search, scores: Scores, grid: Sequence[float], finalists: Sequence[float], stage: int) -> list[Run]:
    """Where a parabola through the finalists has its top, if no rate near it was tested; twice at most.

    Not again once such a rate gains less than a standard error.
    """
    full = search.seeds_of(search.seeds)
    rates = list(finalists)
    for step in range(2):
        vertex = _parabola({rate: _mean(scores[rate], full) for rate in rates})
        if vertex is None or not min(grid) <= vertex <= max(grid) or stand_in(vertex, [*grid, *rates]):
            return []
        rate = stand_in(vertex, list(scores)) or vertex
        if wanted := _untried([rate], scores, full, stage + step):
            return wanted
        gain = _mean(scores[rate], full) - max(_mean(scores[other], full) for other in rates)
        if gain < _standard_error({name: scores[name] for name in (*rates, rate)}, search.seeds):
            return []
        rates.append(rate)
    return []


def _parabola(means: Mapping[float, float]) -> float | None:
    """The rate at the top of the parabola through the three or more best ones; None where it opens upwards."""
    if len(means) < 3:
        return None
    x = np.log10(np.array(sorted(means)))
    curvature, slope, _ = np.polyfit(x, np.array([means[rate] for rate in sorted(means)]), 2)
    return _short(10 ** float(-slope / (2 * curvature))) if curvature < 0 and abs(slope / curvature) < 40 else None


def _classic(search: Search, scores: Scores) -> list[Run]:
    """Five rates, then five within the gaps around the best of all so far, and so on; the best and its neighbours repeated."""
    wanted, rates = _first_round(search, scores, spaced(search.low, search.high, 5), 0)
    if wanted:
        return wanted
    wanted, rates = _narrowed(search, scores, rates)
    full = search.seeds_of(search.seeds)
    if wanted := wanted or _untried(_present(search, scores), scores, full, search.stages):
        return wanted
    repeated = [rate for rate in rates if not _untried([rate], scores, full, 0)]
    return _past_edges(search, scores, rates, repeated, full, search.stages)[0]


def _narrowed(search: Search, scores: Scores, rates: list[float]) -> tuple[list[Run], list[float]]:
    """Stage after stage, until one gains less than a standard error; what is missing, and the rates so far."""
    one, full = search.seeds_of(1), search.seeds_of(search.seeds)
    best_before: float | None = None
    for stage in range(search.stages):
        best = max(rates, key=lambda rate: _mean(scores[rate], one))
        place = rates.index(best)
        around = rates[max(0, place - 1) : place + 2]
        if wanted := _untried(around, scores, full, stage):
            return wanted, rates
        level = max(_mean(scores[rate], full) for rate in around)
        error = _standard_error({rate: scores[rate] for rate in rates}, search.seeds)
        if best_before is not None and level - best_before < error:
            break
        best_before = level if best_before is None else max(level, best_before)
        inner = [rate for rate in _between(around) if not stand_in(rate, rates)]
        if not inner or stage == search.stages - 1:
            break
        points = [stand_in(rate, list(scores)) or rate for rate in inner]
        if wanted := _untried(points, scores, one, stage + 1):
            return wanted, rates
        rates = sorted({*rates, *points})
    return [], rates


def _between(around: Sequence[float]) -> list[float]:
    """Five rates within the one or two gaps between neighbours: three in the first, two in the second."""
    gaps = list(itertools.pairwise(around))
    counts = (5,) if len(gaps) == 1 else (3, 2)
    return [rate for (low, high), count in zip(gaps, counts, strict=True) for rate in spaced(low, high, count + 2)[1:-1]]


def _untried(rates: Sequence[float], scores: Scores, seeds: Sequence[int], stage: int) -> list[Run]:
    return [Run(rate, seed, stage) for rate in rates for seed in seeds if seed not in scores.get(rate, {})]


def _standard_error(scores: Scores, seeds: int) -> float:
    """Of a mean over so many seeds; nothing where noise is unknown, so that the search goes on."""
    seeds_noise = noise(scores)
    return seeds_noise.spread / math.sqrt(seeds) if seeds_noise.degrees else 0.0


def _mean(by_seed: Mapping[int, float], seeds: Sequence[int]) -> float:
    values = [by_seed[seed] for seed in seeds if seed in by_seed]
    return sum(values) / len(values)


def _short(rate: float) -> float:
    """Three digits are more than a rate needs, and read well."""
    return float(f"{rate:.3g}")
