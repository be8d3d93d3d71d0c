"""Per-query results -> the metrics file: means, intervals, differences, slices."""

import math
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from haechi.evaluation.params import EvaluateParams
from haechi.records.pair import Pair
from haechi.records.result import QueryResult
from haechi.retrieval.run import Run
from haechi.scoring.facets import by_law, slices
from haechi.scoring.metrics import evaluate_run
from haechi.scoring.names import BASE, BM25, HEADLINE, HYBRID, RERANKED, TUNED, shown
from haechi.scoring.score_queries import values
from haechi.scoring.significance import Difference, Resampler, holm
from haechi.scoring.validation import SLICES, by_slice

COMPARED = ((TUNED, BASE), (TUNED, BM25), (HYBRID, BM25), (HYBRID, TUNED), (RERANKED, HYBRID))


def summarise(rows: Sequence[QueryResult], params: EvaluateParams) -> dict[str, Any]:
    """Primary means with intervals, paired differences of the headline metric, and the slices of every system."""
    headline = [place for place, row in enumerate(rows) if row.headline] or list(range(len(rows)))
    systems = shown(rows[0].ranks)
    scored = values(rows, systems, params.k_values)
    column = {system: i for i, system in enumerate(systems)}
    best = scored[HEADLINE]
    sample = Resampler([rows[i].group for i in headline], params.resamples, params.confidence, params.seed)
    intervals = sample.intervals(best[headline])
    pairs = [pair for pair in COMPARED if set(pair) <= column.keys()]
    pairs += [(TUNED, s) for s in systems if TUNED in column and s not in {s for pair in COMPARED for s in pair} | {"popularity"}]
    first, second = (best[np.ix_(headline, [column[pair[side]] for pair in pairs])] for side in (0, 1))
    gaps = sample.differences(first, second) if pairs else []
    adjusted = holm([gap.p for gap in gaps])
    laws = by_law(rows)
    return {
        "n_queries": len(headline),
        "primary": {
            system: {name: _round(table[headline, i].mean()) for name, table in scored.items()} for system, i in column.items()
        },
        "interval": {
            system: {HEADLINE: {"low": _round(found.low), "high": _round(found.high)}}
            for system, found in zip(systems, intervals, strict=True)
        },
        "difference": {
            f"{one}-{two}": {HEADLINE: difference_row(gap, p)} for (one, two), gap, p in zip(pairs, gaps, adjusted, strict=True)
        },
        "slice": {
            name: {"n": len(places)} | {system: _round(best[places, i].mean()) for system, i in column.items()}
            for name, places in slices(rows).items()
        },
        "macro_by_law": {"n": len(laws)}
        | ({s: _round(np.mean([best[places, i].mean() for places in laws.values()])) for s, i in column.items()} if laws else {}),
    }


def validated(pairs: Sequence[Pair], gold: Mapping[str, Sequence[str]], runs: Mapping[str, Run]) -> dict[str, dict[str, float]]:
    """Slice of validation -> its number of queries and each system's headline metric; empty where there is one slice only."""
    slices = {pair.query_id: pair.meta.slice for pair in pairs}
    if len(set(slices.values())) < 2:
        return {}
    sizes = Counter(slices.values())
    found: dict[str, dict[str, float]] = {name: {"n": sizes[name]} for name in SLICES if sizes[name]}
    for system, run in runs.items():
        values = {query_id: row[HEADLINE] for query_id, row in evaluate_run(run, gold, (10,)).items()}
        for name, value in by_slice(slices, values).items():
            found[name][system] = _round(value)
    return found


def difference_row(gap: Difference, adjusted: float) -> dict[str, Any]:
    """A difference as metrics files hold it; an infinite figure is left out, since JSON has none."""
    row: dict[str, Any] = {
        "value": _round(gap.value),
        "low": _round(gap.low),
        "high": _round(gap.high),
        "p": _round(gap.p),
        "p_holm": _round(adjusted),
        "wins": gap.wins,
        "ties": gap.ties,
        "losses": gap.losses,
    }
    if math.isfinite(gap.detectable):
        row["detectable"] = _round(gap.detectable)
    return row


def _round(value: float) -> float:
    return round(float(value), 6)
