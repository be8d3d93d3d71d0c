"""Per-query scores -> the metrics file: means, intervals, differences, suites and slices."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from haechi.evaluation.metrics import Scores
from haechi.evaluation.names import BASE, BM25, HEADLINE, HYBRID, PRIMARY_SUITE, TUNED
from haechi.evaluation.significance import difference, interval
from haechi.params.evaluate import EvaluateParams
from haechi.records.query import TestQuery

COMPARED = ((TUNED, BASE), (TUNED, BM25), (HYBRID, BM25), (HYBRID, TUNED))

SLICES: dict[str, Callable[[TestQuery], bool]] = {
    "seen": lambda q: q.suite == PRIMARY_SUITE and not q.names_positive and not q.unseen,
    "unseen": lambda q: q.suite == PRIMARY_SUITE and not q.names_positive and q.unseen,
    "names_positive": lambda q: q.suite == PRIMARY_SUITE and q.names_positive,
    "title": lambda q: q.suite == "title",
    "synthetic": lambda q: q.suite == "synthetic",
    "user": lambda q: q.suite == "user",
}


def primary(queries: Sequence[TestQuery]) -> list[TestQuery]:
    """The headline queries: real issues of decisions that don't spell out their own answer."""
    return [q for q in queries if q.suite == PRIMARY_SUITE and not q.names_positive]


def summarise(queries: Sequence[TestQuery], scores: Mapping[str, Scores], params: EvaluateParams) -> dict[str, Any]:
    """Everything that metrics/evaluate.json says of the systems; names are stable, so revisions can be compared."""
    rng = np.random.default_rng(params.seed)
    headline = primary(queries)
    groups = [q.group for q in headline]
    summary: dict[str, Any] = {"n_queries": len(headline), "primary": {}, "interval": {}, "difference": {}, "slice": {}}
    for system, rows in scores.items():
        names = next(iter(rows.values())).keys()
        values = {name: [rows[q.query_id][name] for q in headline] for name in names}
        summary["primary"][system] = {name: _round(float(np.mean(v))) for name, v in values.items()}
        found = interval(values[HEADLINE], groups, params.resamples, params.confidence, rng)
        summary["interval"][system] = {HEADLINE: {"low": _round(found.low), "high": _round(found.high)}}
    for first, second in COMPARED:
        if first in scores and second in scores:
            one, two = ([scores[s][q.query_id][HEADLINE] for q in headline] for s in (first, second))
            gap = difference(one, two, groups, params.resamples, params.confidence, rng)
            summary["difference"][f"{first}-{second}"] = {
                HEADLINE: {
                    "value": _round(gap.value),
                    "low": _round(gap.low),
                    "high": _round(gap.high),
                    "p": _round(gap.p),
                }
            }
    for name, belongs in SLICES.items():
        members = [q for q in queries if belongs(q)]
        if members:
            summary["slice"][name] = {"n": len(members)} | {
                system: _round(float(np.mean([rows[q.query_id][HEADLINE] for q in members]))) for system, rows in scores.items()
            }
    return summary


def per_query(queries: Sequence[TestQuery], scores: Mapping[str, Scores]) -> list[dict[str, Any]]:
    """One compact row a query: what a later comparison of two revisions reads."""
    return [
        {
            "query_id": q.query_id,
            "suite": q.suite,
            "group": q.group,
            "unseen": q.unseen,
            "names_positive": q.names_positive,
            "scores": {system: {n: _round(v) for n, v in rows[q.query_id].items()} for system, rows in scores.items()},
        }
        for q in queries
    ]


def _round(value: float) -> float:
    return round(value, 6)
