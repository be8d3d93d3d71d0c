"""Models ranked by one figure so that ties look like ties and the ranking can't contradict its own figures.

Two models differ where the interval of their paired difference and the test (p adjusted over all pairs) say so. Taken pair by
pair that need not be an order: the first may differ from the second, but not from the third, which scores less. So a model is
called better only if everybody at least as good as it differs from everybody at most as good as the other. What is left is an
order: transitive, and never against the figures. A model's places run from one more than how many are better than it,
to how many there are less those that it is better than.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from haechi.records.validated import ValidatedQuery
from haechi.runtime.errors import HaechiError, UsageError
from haechi.scoring.metrics import GoldRanks, score
from haechi.scoring.significance import Array, Difference, Resampler, holm
from haechi.scoring.validation import Validation, mixed
from haechi.scoring.verdict import judge

K_VALUES = (1, 10, 100)
"""Cut-offs of the metrics that models may be ranked by."""


def results_of(places: Mapping[str, GoldRanks], validation: Validation) -> list[ValidatedQuery]:
    """A model's places as rows."""
    groups, slices = validation.groups, validation.slices
    return [ValidatedQuery(id, groups[id], place.n_gold, place.ranks, slices[id]) for id, place in places.items()]


def metrics_of(rows: Sequence[ValidatedQuery], k_values: Sequence[int], unseen_weight: float = 0.0) -> dict[str, Array]:
    """Every metric, query by query and times what the query counts, by the same code that scored them first."""
    weights = np.array(list(mixed({row.query_id: row.slice for row in rows}, unseen_weight).values()))
    scored = list(score({row.query_id: GoldRanks(row.ranks, row.n_gold) for row in rows}, k_values).values())
    return {metric: np.array([one[metric] for one in scored]) * weights for metric in scored[0]}


Flags = npt.NDArray[np.bool_]


@dataclass(frozen=True)
class Ranked:
    """One model among others."""

    name: str
    score: float
    low: float
    high: float
    first: int
    """The best place that it may have."""
    last: int
    """The worst one: all from `first` to `last` are tied with it."""

    @property
    def place(self) -> str:
        """Such as `1`, or `2-4` for one of a tie."""
        return f"{self.first}" if self.first == self.last else f"{self.first}-{self.last}"


@dataclass(frozen=True)
class Ranking:
    """All of them, the highest figure first."""

    models: tuple[Ranked, ...]
    better: frozenset[tuple[str, str]]
    """Pairs of which the first is better; every other pair is a tie."""

    def __getitem__(self, name: str) -> Ranked:
        return next(model for model in self.models if model.name == name)

    def verdict(self, one: str, other: str) -> str:
        """`better`, `worse` or `tie`."""
        return "better" if (one, other) in self.better else "worse" if (other, one) in self.better else "tie"


def rank(columns: Mapping[str, Array], sample: Resampler) -> Ranking:
    """Rank models by what each query gave them, the same queries in the same order."""
    if not columns:
        raise HaechiError("rank: there is nothing to rank")
    means = {name: float(column.mean()) for name, column in columns.items()}
    names = sorted(columns, key=lambda name: (-means[name], name))
    table = np.stack([columns[name] for name in names], axis=1)
    intervals = sample.intervals(table)
    scores = [means[name] for name in names]
    settled = settle(scores, _differ(table, sample))
    models = tuple(
        Ranked(name, score, interval.low, interval.high, first, last)
        for name, score, interval, (first, last) in zip(names, scores, intervals, places(settled), strict=True)
    )
    return Ranking(models, frozenset((names[i], names[j]) for i, j in np.argwhere(settled)))


def settle(scores: Sequence[float], differ: Flags) -> Flags:
    """Which is better than which, given scores from high to low and which pairs differ.  # (models, models)"""
    n = len(scores)
    all_above = np.logical_and.accumulate(np.triu(differ, 1) | np.tri(n, k=-1, dtype=bool), axis=0)
    agreed = np.logical_and.accumulate(all_above[:, ::-1], axis=1)[:, ::-1]
    equal = np.asarray(scores)
    low = np.searchsorted(-equal, -equal, side="right") - 1  # the last of those with the same score
    high = np.searchsorted(-equal, -equal, side="left")
    better = agreed[np.ix_(low, high)]
    return np.asarray(better & (equal[:, None] > equal[None, :]), dtype=np.bool_)


def places(better: Flags) -> list[tuple[int, int]]:
    """From where to where each may stand."""
    above, below = better.sum(axis=0), better.sum(axis=1)
    return [(1 + int(a), len(better) - int(b)) for a, b in zip(above, below, strict=True)]


def composite(metrics: Mapping[str, Array], weights: Mapping[str, float]) -> Array:
    """One figure a query: the weighted mean of metrics that all lie between 0 and 1."""
    if unknown := sorted(set(weights) - set(metrics)):
        raise UsageError(f"rank: no metric is called {unknown[0]} (rank.weights); there are {', '.join(sorted(metrics))}")
    total = sum(weights.values())
    if not total > 0:
        raise UsageError(f"rank: the weights add up to {total:g} (rank.weights); give at least one metric a weight above 0")
    return np.asarray(sum(metrics[name] * (weight / total) for name, weight in weights.items()), dtype=np.float64)


def _differ(table: Array, sample: Resampler) -> Flags:
    """Pairs that the interval and the test tell apart; both ways round."""
    n = table.shape[1]
    one, other = np.triu_indices(n, 1)
    differ = np.zeros((n, n), dtype=np.bool_)
    if len(one):
        gaps: list[Difference] = sample.differences(table[:, one], table[:, other])
        adjusted = holm([gap.p for gap in gaps])
        apart = [judge(gap.value, gap.low, gap.high, p) != "can't tell" for gap, p in zip(gaps, adjusted, strict=True)]
        differ[one, other] = differ[other, one] = apart
    return differ
