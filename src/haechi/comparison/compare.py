"""Is version 2 really better? Revisions set against the first of them, query by query, on the same test set."""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from haechi.comparison.revisions import Revision
from haechi.comparison.seed_noise import SeedNoise, seed_noise
from haechi.records.result import QueryResult
from haechi.runtime.errors import UsageError
from haechi.scoring.facets import slices
from haechi.scoring.names import HEADLINE
from haechi.scoring.score_queries import values
from haechi.scoring.significance import ALPHA, Difference, Resampler, holm
from haechi.scoring.verdict import Judgement, judge

SHOWN = ("recall@10", "success@1", "mrr@10", "map")
"""Metrics beside the headline; they carry no verdict of their own."""
CUTOFFS = (1, 3, 5, 10, 100)
"""Of nDCG, recall and success: every one follows from the ranks that a revision keeps."""
DRAWS, SLICE_DRAWS, CONFIDENCE, SEED = 10_000, 4_000, 0.95, 7
CHANGED = 10
SAME = 1e-4


@dataclass(frozen=True)
class Moved:
    """A metric or slice before and after."""

    name: str
    n: int
    before: float
    after: float
    gap: Difference
    p_holm: float

    @property
    def beyond_chance(self) -> bool:
        """Whether the test and the interval agree that it moved."""
        return judge(self.gap.value, self.gap.low, self.gap.high, self.p_holm) != "can't tell"


@dataclass(frozen=True)
class Change:
    """One query that gained or lost."""

    query_id: str
    text: str
    gold: tuple[str, ...]
    before: float
    after: float
    ranks: tuple[tuple[int, ...], tuple[int, ...]]
    top: tuple[tuple[str, ...], tuple[str, ...]]


@dataclass(frozen=True)
class Compared:
    """One revision against the first."""

    name: str
    encoder: str
    judgement: Judgement
    metrics: tuple[Moved, ...]
    """The headline first; its p is adjusted over the revisions of this comparison."""
    slices: tuple[Moved, ...]
    """Their p is adjusted over the slices."""
    gained: tuple[Change, ...]
    lost: tuple[Change, ...]

    @property
    def headline(self) -> Moved:
        """The one figure that the verdict is about."""
        return self.metrics[0]


@dataclass(frozen=True)
class Comparison:
    """Everything that `haechi compare` says."""

    baseline: str
    system: str
    metric: str
    testset: str
    n: int
    left_out: int
    """Queries that not every revision could be judged on."""
    others: tuple[Compared, ...]
    seeds: SeedNoise | None


class Incomparable(UsageError):
    """Revisions were scored on different test sets, or by different rules; exit code 2."""


def compare(revisions: Sequence[Revision], system: str, metric: str = HEADLINE) -> Comparison:
    """Every revision against the first."""
    check_test_versions(revisions)
    for revision in revisions:
        if absent := [row.query_id for row in revision.rows if system not in row.ranks]:
            raise UsageError(f"{revision.name}: has no system {system}, it has {', '.join(revision.rows[0].ranks)} ({absent[0]})")
    rows, left_out = _common(revisions)
    tables = [values(own, [system], CUTOFFS) for own in rows]
    names = [metric, *(name for name in SHOWN if name != metric)]
    if unknown := [name for name in names if name not in tables[0]]:
        raise UsageError(f"{unknown[0]}: no such metric, there are {', '.join(tables[0])}")
    base = rows[0]
    headline = [i for i, row in enumerate(base) if row.headline] or list(range(len(base)))
    columns = [np.concatenate([table[name] for name in names], axis=1) for table in tables]
    sample = Resampler([base[i].group for i in headline], DRAWS, CONFIDENCE, SEED)
    gaps = [sample.differences(column[headline], columns[0][headline]) for column in columns[1:]]
    adjusted = holm([differences[0].p for differences in gaps])
    others = []
    for number, (revision, differences, p) in enumerate(zip(revisions[1:], gaps, adjusted, strict=True), start=1):
        before, after = columns[0], columns[number]
        means = zip(before[headline].mean(axis=0), after[headline].mean(axis=0), strict=True)
        chances = [p, *(gap.p for gap in differences[1:])]
        metrics = tuple(
            Moved(name, len(headline), float(one), float(two), gap, chance)
            for name, (one, two), gap, chance in zip(names, means, differences, chances, strict=True)
        )
        changes = _changes(base, rows[number], before[:, 0], after[:, 0], headline, revision.texts, system)
        others.append(
            Compared(
                revision.name,
                str(revision.metrics["encoder"]),
                judge(differences[0].value, differences[0].low, differences[0].high, p),
                metrics,
                tuple(_slices(base, before[:, 0], after[:, 0])),
                _most(c for c in changes if c.after > c.before + SAME),
                _most(c for c in changes if c.after < c.before - SAME),
            )
        )
    figures = [float(column[headline, 0].mean()) for column in columns]
    return Comparison(
        revisions[0].name,
        system,
        metric,
        revisions[0].test_version[0],
        len(headline),
        left_out,
        tuple(others),
        seed_noise([(r.name, r.training, r.seed, value) for r, value in zip(revisions, figures, strict=True)]),
    )


def check_test_versions(revisions: Sequence[Revision]) -> None:
    """Refuse different test sets and different evaluators, and say how to go on."""
    by_test_version: dict[tuple[str, int], list[str]] = defaultdict(list)
    for revision in revisions:
        by_test_version[revision.test_version].append(revision.name)
    if len(by_test_version) > 1:
        versions = "; ".join(f"{', '.join(names)}: test set {y[0]}, evaluator {y[1]}" for y, names in by_test_version.items())
        revs = " ".join(revision.name for revision in revisions if revision.commit)
        raise Incomparable(
            f"these can't be compared, they were scored on different test sets or by different evaluators ({versions}); "
            f"`haechi reeval {revs}` scores their models on today's test set"
        )


def mean_of(rows: Sequence[QueryResult], system: str, metric: str = HEADLINE) -> float:
    """The figure of one system on the queries that the headline is about."""
    return float(values([row for row in rows if row.headline] or rows, [system], CUTOFFS)[metric].mean())


def dropped(comparison: Comparison, limits: Mapping[str, float]) -> list[str]:
    """What fell by more than its limit, one sentence each."""
    sentences = []
    for other in comparison.others:
        moved_by_name = {moved.name: moved for moved in other.metrics}
        for name, limit in limits.items():
            if name not in moved_by_name:
                raise UsageError(f"--max-drop {name}: not a metric of this comparison; it shows {', '.join(moved_by_name)}")
            gap = moved_by_name[name].gap
            if gap.value < -limit:
                sentences.append(f"{other.name}: {name} fell by {-gap.value:.4f}, more than {limit:g}")
    return sentences


def as_json(comparison: Comparison, reads: int) -> dict[str, Any]:
    """The whole comparison for other programs."""
    facts = asdict(comparison)
    for other, compared in zip(facts["others"], comparison.others, strict=True):
        for kind in ("metrics", "slices"):
            for row, moved in zip(other[kind], getattr(compared, kind), strict=True):
                row["beyond_chance"] = moved.beyond_chance
    return {"reads": reads, "alpha": ALPHA, "confidence": CONFIDENCE, **facts}


def _common(revisions: Sequence[Revision]) -> tuple[list[list[QueryResult]], int]:
    """The rows of the queries that every revision was judged on, in one order."""
    tables = [{row.query_id: row for row in revision.rows} for revision in revisions]
    shared = [row.query_id for row in revisions[0].rows if all(row.query_id in table for table in tables)]
    if not shared:
        raise UsageError(f"{', '.join(r.name for r in revisions)}: no query was judged in all of them")
    left_out = len(set().union(*tables)) - len(shared)
    return [[table[query_id] for query_id in shared] for table in tables], left_out


def _slices(rows: Sequence[QueryResult], before: npt.NDArray[np.float64], after: npt.NDArray[np.float64]) -> list[Moved]:
    changes = []
    for name, places in slices(rows).items():
        sample = Resampler([rows[i].group for i in places], SLICE_DRAWS, CONFIDENCE, SEED)
        gap = sample.differences(after[places][:, None], before[places][:, None])[0]
        changes.append((name, len(places), float(before[places].mean()), float(after[places].mean()), gap))
    adjusted = holm([gap.p for *_, gap in changes])
    moved = [Moved(name, n, b, a, gap, p) for (name, n, b, a, gap), p in zip(changes, adjusted, strict=True)]
    return sorted(moved, key=lambda m: (not m.beyond_chance, m.p_holm, m.gap.p, m.name))


def _changes(
    base: Sequence[QueryResult],
    rows: Sequence[QueryResult],
    before: npt.NDArray[np.float64],
    after: npt.NDArray[np.float64],
    places: Sequence[int],
    texts: Mapping[str, str],
    system: str,
) -> list[Change]:
    return [
        Change(
            base[i].query_id,
            texts.get(base[i].query_id, ""),
            rows[i].gold,
            float(before[i]),
            float(after[i]),
            (base[i].ranks[system], rows[i].ranks[system]),
            (base[i].top[system], rows[i].top[system]),
        )
        for i in places
    ]


def _most(changes: Iterable[Change]) -> tuple[Change, ...]:
    return tuple(sorted(changes, key=lambda c: (-abs(c.after - c.before), c.query_id))[:CHANGED])
