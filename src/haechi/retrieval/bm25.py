"""BM25 over Kiwi morphemes: weights by bm25s (Lucene's variant), summed word by word for each query.

Numba would sum twice as fast after two seconds of compiling in every process; docs/benchmarks.md has the figures.
"""

from array import array
from collections import Counter
from collections.abc import Iterable, Sequence

import bm25s
import numpy as np
import numpy.typing as npt

from haechi.errors import HaechiError
from haechi.params.retrieval import RetrievalParams
from haechi.retrieval.run import Run


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
        self._weights, self._passages = parts["data"], parts["indices"]  # word after word
        self._begins = parts["indptr"].tolist()

    def search(self, query_ids: Sequence[str], tokens: Sequence[Sequence[str]], k: int) -> Run:
        """The k best passages of each query that share a token with it; ties by id, also at the cut."""
        return Run({id: self._found(words, k) for id, words in zip(query_ids, tokens, strict=True)}, k)

    def _found(self, words: Sequence[str], k: int) -> list[tuple[str, float]]:
        scores = self._scores(words)
        # all that tie with the k-th come along, so that Run cuts by id
        lowest = np.partition(scores, -k)[-k] if 0 < k < len(scores) else 0.0
        kept = np.flatnonzero((scores >= lowest) & (scores > 0))
        return [(self._ids[row], score) for row, score in zip(kept.tolist(), scores[kept].tolist(), strict=True)]

    def _scores(self, words: Sequence[str]) -> npt.NDArray[np.float32]:
        """Of every passage; words are taken in the order of the query, so sums don't depend on the order of the corpus."""
        counts = Counter(self._numbers[word] for word in words if word in self._numbers)
        spans = [slice(self._begins[number], self._begins[number + 1]) for number in counts]
        if not spans:
            return np.zeros(len(self._ids), dtype=np.float32)
        rows = np.concatenate([self._passages[span] for span in spans])
        weights = np.concatenate([self._weights[span] * n for span, n in zip(spans, counts.values(), strict=True)])
        return np.bincount(rows, weights, len(self._ids)).astype(np.float32)


def _numbered(tokens: Iterable[Sequence[str]]) -> tuple[list["array[int]"], dict[str, int]]:
    """Words as numbers in order of their first use: four bytes a word, where texts would take the memory of a large corpus."""
    numbers = {"": 0}  # so that a corpus without any word is an index too
    return [array("i", [numbers.setdefault(word, len(numbers)) for word in words]) for words in tokens], numbers
