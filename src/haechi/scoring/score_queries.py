"""Rankings -> rows of metrics/per_query.json, and those rows -> scores again."""

from collections.abc import Mapping, Sequence

import numpy as np
import numpy.typing as npt

from haechi.records.query import Suite, TestQuery
from haechi.records.result import QueryResult
from haechi.retrieval.run import Run
from haechi.runtime.errors import HaechiError
from haechi.scoring.facets import Facetter
from haechi.scoring.metrics import GoldRanks, gold_ranks, score

TOP = 3
"""Articles of each list that a row keeps for its reader."""


def judge(
    queries: Sequence[TestQuery], primary: Suite, gold: Mapping[str, Sequence[str]], runs: Mapping[str, Run], facets: Facetter
) -> list[QueryResult]:
    """One row a query that has gold; the headline is measured on the primary suite."""
    facts = {q.query_id: q for q in queries if gold[q.query_id]}
    ranks: dict[str, dict[str, tuple[int, ...]]] = {query_id: {} for query_id in facts}
    top: dict[str, dict[str, tuple[str, ...]]] = {query_id: {} for query_id in facts}
    for system, run in runs.items():
        for query_id in facts:
            ranked = run[query_id]
            ranks[query_id][system] = gold_ranks(ranked, gold[query_id]).ranks
            top[query_id][system] = tuple(one.id for one in ranked[:TOP])
    return [
        QueryResult(
            query_id=query_id,
            suite=q.suite,
            group=q.group,
            headline=q.suite == primary and not q.names_positive,
            gold=tuple(gold[query_id]),
            facets=facets(q, gold[query_id]),
            ranks=ranks[query_id],
            top=top[query_id],
        )
        for query_id, q in facts.items()
    ]


def values(rows: Sequence[QueryResult], systems: Sequence[str], k_values: Sequence[int]) -> dict[str, npt.NDArray[np.float64]]:
    """Metric -> its values.  # (rows, systems)"""
    if not rows:
        raise HaechiError("evaluate: there is no query to judge")
    places = {
        f"{number} {system}": GoldRanks(row.ranks[system], len(row.gold)) for number, row in enumerate(rows) for system in systems
    }
    scores = list(score(places, k_values).values())
    return {name: np.array([row[name] for row in scores]).reshape(len(rows), len(systems)) for name in scores[0]}
