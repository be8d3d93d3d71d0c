"""Fusion of several runs over the same ids, by rank or by votes; `haechi.fusion` learns how to mix scores.

An id that a run lacks gets nothing from it.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence

from haechi.retrieval.run import Run, Scored

VOTES = (6.0, 3.0, 1.0)
LOWER_VOTE = 0.5

Shares = Callable[[Sequence[Scored]], Mapping[str, float]]
"""What each id of one list gets."""


def reciprocal_rank(runs: Sequence[Run], depth: int | None = None, constant: float = 60.0) -> Run:
    """Sum of 1 / (constant + rank) over the runs (Cormack, Clarke and Büttcher, 2009)."""
    return _fused(runs, lambda ranked: {s.id: 1.0 / (constant + rank) for rank, s in _ranks(ranked)}, depth)


def votes(runs: Sequence[Run], depth: int | None = None, first: Sequence[float] = VOTES, lower: float = LOWER_VOTE) -> Run:
    """Every list votes alike: so much for each of the first ranks, `lower` for any rank below."""
    return _fused(
        runs,
        lambda ranked: {s.id: first[r - 1] if r <= len(first) else lower for r, s in _ranks(ranked)},
        depth,
    )


def _fused(runs: Sequence[Run], shares: Shares, depth: int | None) -> Run:
    lists: dict[str, list[tuple[str, float]]] = {}
    for query_id in dict.fromkeys(query_id for run in runs for query_id in run):
        sums: dict[str, float] = {}
        for run in runs:
            for id, share in shares(run[query_id]).items():
                sums[id] = sums.get(id, 0.0) + share
        lists[query_id] = list(sums.items())
    return Run(lists, depth)


def _ranks(ranked: Iterable[Scored]) -> Iterable[tuple[int, Scored]]:
    return enumerate(ranked, start=1)
