"""BM25 over Kiwi morphemes: weights by bm25s (Lucene's variant), summed word by word for each query.

Numba would sum twice as fast after two seconds of compiling in every process; docs/benchmarks.md has the figures.
"""

from array import array
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from haechi.retrieval.params import RetrievalParams
from haechi.retrieval.run import Run
from haechi.runtime.errors import HaechiError

BLOCK = 65_536
"""Passages whose scores are summed at once: so many fit the cache, a million don't."""
_COMMON = 8  # a word in more than one of so many passages; their columns take at most four times the memory of the index


@dataclass(frozen=True)
class Postings:
    """What every word weighs in every passage that has it, word after word: all that a search needs, so it can be kept."""

    weights: npt.NDArray[np.float32]
    passages: npt.NDArray[np.int32]
    begins: npt.NDArray[np.int64]
    """Where a word's weights begin; one more than there are words."""
    numbers: Mapping[str, int]
    """Word -> its place."""


def postings(tokens: Iterable[Sequence[str]], params: RetrievalParams) -> Postings:
    """Weigh the words of tokenised passages."""
    import bm25s  # late: whoever searches what was kept needs none of it

    index = bm25s.BM25(method="lucene", k1=params.bm25_k1, b=params.bm25_b)
    rows, numbers = _numbered(tokens)
    index.index((rows, numbers), show_progress=False)
    parts = index.scores
    return Postings(parts["data"], parts["indices"], parts["indptr"], numbers)


class Bm25:
    """An index over tokenised passages."""

    def __init__(self, ids: Sequence[str], tokens: Iterable[Sequence[str]], params: RetrievalParams) -> None:
        if not ids:
            raise HaechiError("bm25: the corpus is empty")
        self._take(ids, postings(tokens, params))

    @classmethod
    def kept(cls, ids: Sequence[str], words: Postings) -> "Bm25":
        """An index over passages whose words were weighed before."""
        made = cls.__new__(cls)
        made._take(ids, words)
        return made

    def _take(self, ids: Sequence[str], words: Postings) -> None:
        self._ids, self._numbers = list(ids), words.numbers
        self._weights, self._passages = words.weights, words.passages
        self._begins = words.begins.tolist()
        self._edges = list(range(0, len(ids) + BLOCK, BLOCK))
        self._spans: dict[int, list[int]] = {}
        self._columns: dict[int, npt.NDArray[np.float32]] = {}

    def search(
        self,
        query_ids: Sequence[str],
        tokens: Sequence[Sequence[str]],
        k: int,
        among: npt.NDArray[np.bool_] | None = None,
    ) -> Run:
        """The k best passages of each query that share a token with it, of those in `among`; ties by id, also at the cut."""
        return Run({id: self._found(words, k, among) for id, words in zip(query_ids, tokens, strict=True)}, k)

    def _found(self, words: Sequence[str], k: int, among: npt.NDArray[np.bool_] | None) -> list[tuple[str, float]]:
        """All that tie with the k-th come along, so that Run cuts by id."""
        counts = Counter(self._numbers[word] for word in words if word in self._numbers)
        lowest = np.float32(0)  # below it nothing can be among the k
        rows, scores = [np.zeros(0, np.int64)], [np.zeros(0, np.float32)]
        for block, start in enumerate(self._edges[:-1]):
            found = self._scores(counts, block)
            if among is not None:
                found[~among[start : start + BLOCK]] = 0.0
            if 0 < k < len(found) and not lowest:
                lowest = np.partition(found, -k)[-k]
            kept = np.flatnonzero((found >= lowest) & (found > 0))
            rows.append(kept + start)
            scores.append(found[kept])
            if 0 < k < (met := sum(map(len, scores))) and len(kept):
                lowest = np.partition(np.concatenate(scores), met - k)[met - k]
        named = zip(np.concatenate(rows).tolist(), np.concatenate(scores).tolist(), strict=True)
        return [(self._ids[row], score) for row, score in named if score >= lowest]

    def _scores(self, counts: Mapping[int, int], block: int) -> npt.NDArray[np.float32]:
        """Of every passage of a block; words come in the order of the query, so sums don't depend on the order of the corpus."""
        start, stop = self._edges[block], min(self._edges[block + 1], len(self._ids))
        scores = np.zeros(stop - start)
        for number, count in counts.items():
            if (self._begins[number + 1] - self._begins[number]) * _COMMON > len(self._ids):
                scores += self._column(number)[start:stop] * count
            else:
                span = slice(*self._span(number)[block : block + 2])
                scores[self._passages[span] - start] += self._weights[span] * count
        return scores.astype(np.float32)

    def _span(self, number: int) -> list[int]:
        """Where the weights of a word begin, block by block, and where they end."""
        if number not in self._spans:
            begin, end = self._begins[number], self._begins[number + 1]
            self._spans[number] = (begin + np.searchsorted(self._passages[begin:end], self._edges)).tolist()
        return self._spans[number]

    def _column(self, number: int) -> npt.NDArray[np.float32]:
        """The weights of a common word, passage by passage: to add all of them is faster than to look so many up."""
        if number not in self._columns:
            span = slice(self._begins[number], self._begins[number + 1])
            column = np.zeros(len(self._ids), dtype=np.float32)
            column[self._passages[span]] = self._weights[span]
            self._columns[number] = column
        return self._columns[number]


def _numbered(tokens: Iterable[Sequence[str]]) -> tuple[list["array[int]"], dict[str, int]]:
    """Words as numbers in order of their first use: four bytes a word, where texts would take the memory of a large corpus."""
    numbers = {"": 0}  # so that a corpus without any word is an index too
    return [array("i", [numbers.setdefault(word, len(numbers)) for word in words]) for words in tokens], numbers
