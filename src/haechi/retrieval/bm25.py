"""BM25 over Kiwi morphemes: weights by bm25s (Lucene's variant), search by products of sparse matrices.

Numba would be an alternative for the search; docs/benchmarks.md has the figures for and against.
"""

from array import array
from collections import Counter
from collections.abc import Iterable, Sequence

import bm25s
import numpy as np
import numpy.typing as npt
from scipy.sparse import csr_matrix

from haechi.errors import HaechiError
from haechi.params.retrieval import RetrievalParams
from haechi.retrieval.run import Run

SCORES = 1 << 24  # products in memory at once


class Bm25:
    """An index over tokenised passages."""

    def __init__(self, ids: Sequence[str], tokens: Iterable[Sequence[str]], params: RetrievalParams) -> None:
        if not ids:
            raise HaechiError("bm25: the corpus is empty")
        self._ids = list(ids)
        index = bm25s.BM25(method="lucene", k1=params.bm25_k1, b=params.bm25_b)
        rows, self._numbers = _numbered(tokens)
        index.index((rows, self._numbers), show_progress=False)
        parts = index.scores
        shape = (len(parts["indptr"]) - 1, len(self._ids))
        self._weights = csr_matrix((parts["data"], parts["indices"], parts["indptr"]), shape=shape)  # (words, passages)

    def search(self, query_ids: Sequence[str], tokens: Sequence[Sequence[str]], k: int) -> Run:
        """The k best passages of each query that share a token with it; ties by id, also at the cut."""
        lists: dict[str, list[tuple[str, float]]] = {}
        block = max(1, SCORES // len(self._ids))
        for start in range(0, len(query_ids), block):
            found = self._asked(tokens[start : start + block]) @ self._weights
            for row, query_id in enumerate(query_ids[start : start + block]):
                span = slice(found.indptr[row], found.indptr[row + 1])
                lists[query_id] = self._best(found.indices[span], found.data[span], k)
        return Run(lists, k)

    def _asked(self, tokens: Sequence[Sequence[str]]) -> csr_matrix:
        """How often each query holds each word, in the order of its words: so sums don't depend on the order of the corpus."""
        rows = [Counter(self._numbers[word] for word in words if word in self._numbers) for words in tokens]
        ends = np.cumsum([0, *(len(row) for row in rows)])
        columns = np.fromiter((number for row in rows for number in row), dtype=np.int32, count=ends[-1])
        counts = np.fromiter((count for row in rows for count in row.values()), dtype=np.float32, count=ends[-1])
        return csr_matrix((counts, columns, ends), shape=(len(rows), self._weights.shape[0]))

    def _best(self, columns: npt.NDArray[np.int32], scores: npt.NDArray[np.float32], k: int) -> list[tuple[str, float]]:
        # all that tie with the k-th come along, so that Run cuts by id
        lowest = np.partition(scores, -k)[-k] if 0 < k < len(scores) else 0.0
        kept = np.flatnonzero((scores >= lowest) & (scores > 0))
        return [(self._ids[column], score) for column, score in zip(columns[kept].tolist(), scores[kept].tolist(), strict=True)]


def _numbered(tokens: Iterable[Sequence[str]]) -> tuple[list["array[int]"], dict[str, int]]:
    """Words as numbers in order of their first use: four bytes a word, where texts would take the memory of a large corpus."""
    numbers = {"": 0}  # so that a corpus without any word is an index too
    return [array("i", [numbers.setdefault(word, len(numbers)) for word in words]) for words in tokens], numbers
