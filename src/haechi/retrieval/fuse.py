"""Fusion of a lexical and a dense run."""

from collections.abc import Iterable

from haechi.retrieval.run import Run, Scored


def weighted(lexical: Run, dense: Run, weight: float, depth: int) -> Run:
    """Weight x dense + (1 - weight) x lexical, each min-max scaled within the query's list; a missing id counts as 0."""
    lists = {}
    for query_id in dense:
        first, second = _scaled(lexical[query_id]), _scaled(dense[query_id])
        lists[query_id] = [(id, weight * second.get(id, 0.0) + (1.0 - weight) * first.get(id, 0.0)) for id in {**first, **second}]
    return Run(lists, depth)


def _scaled(ranked: Iterable[Scored]) -> dict[str, float]:
    scores = dict(ranked)
    if not scores:
        return {}
    low, high = min(scores.values()), max(scores.values())
    return {id: (score - low) / (high - low) if high > low else 1.0 for id, score in scores.items()}
