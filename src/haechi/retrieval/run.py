"""A run: for each query a ranked list, sorted by (-score, id) once and for all."""

from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import NamedTuple

from haechi.runtime.errors import HaechiError
from haechi.runtime.files import write_text

PASSAGES_PER_ARTICLE = 3
"""Passages to search for each article wanted. Where articles have more, a folded list may be shorter than asked for."""


class Scored(NamedTuple):
    """An id with its score."""

    id: str
    score: float


class Run:
    """Ranked lists by query; whoever holds a Run may trust the order and that no id occurs twice in a list."""

    def __init__(self, lists: Mapping[str, Iterable[tuple[str, float]]], depth: int | None = None) -> None:
        self._lists: dict[str, list[tuple[float, str]]] = {}  # (-score, id): plain tuples, since a run holds millions
        for query_id, scored in lists.items():
            ranked = [(-float(score), id) for id, score in scored]
            if any(score != score for score, _ in ranked):
                raise HaechiError(f"run: a score of query {query_id} is not a number")
            if len({id for _, id in ranked}) != len(ranked):
                raise HaechiError(f"run: an id occurs twice in the list of query {query_id}")
            ranked.sort()
            self._lists[query_id] = ranked[:depth]

    @classmethod
    def of_ranked(cls, lists: dict[str, list[tuple[float, str]]]) -> "Run":
        """Of lists that are already what a Run holds: (-score, id), in this order, every id once."""
        run = cls({})
        run._lists = lists
        return run

    def __getitem__(self, query_id: str) -> tuple[Scored, ...]:
        """The list of a query; empty if the run has none."""
        return tuple([Scored(id, -score) for score, id in self._lists.get(query_id, ())])

    def columns(self, query_ids: Iterable[str]) -> tuple[list[int], list[str], list[float]]:
        """The lists of these queries end to end: how long each is, all ids, all scores."""
        lists = [self._lists.get(query_id, ()) for query_id in query_ids]
        return (
            [len(ranked) for ranked in lists],
            [id for ranked in lists for _, id in ranked],
            [-low for ranked in lists for low, _ in ranked],
        )

    def __iter__(self) -> Iterator[str]:
        return iter(self._lists)

    def __len__(self) -> int:
        return len(self._lists)

    def fold(self, key_of: Mapping[str, str], own: Mapping[str, str], depth: int | None = None) -> "Run":
        """Rank the keys (articles) of the ids (passages): the best passage of an article stands for it.

        `own` names for each query the key of its own source, which is left out: a decision doesn't answer itself.
        """
        lists: dict[str, list[tuple[float, str]]] = {}
        for query_id, ranked in self._lists.items():
            best: dict[str, float] = {}
            for low, id in ranked:
                best.setdefault(key_of[id], low)  # ranked high to low: the first score of a key is its best
            best.pop(own.get(query_id, ""), None)
            lists[query_id] = sorted([(low, key) for key, low in best.items()])[:depth]
        return Run.of_ranked(lists)

    def write_trec(self, path: Path, tag: str) -> None:
        """Write `query Q0 id rank score tag` lines, scores in full: rounded ones would tie, and tools order by them."""
        write_text(
            path,
            "".join(
                f"{query_id} Q0 {s.id} {rank} {s.score!r} {tag}\n"
                for query_id in sorted(self._lists)
                for rank, s in enumerate(self[query_id], start=1)
            ),
        )
