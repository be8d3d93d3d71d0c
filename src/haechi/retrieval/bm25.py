"""BM25 over Kiwi morphemes, by bm25s (Lucene's variant)."""

from collections.abc import Sequence

import bm25s
import numpy as np

from haechi.errors import HaechiError
from haechi.params.retrieval import RetrievalParams
from haechi.retrieval.run import Run


class Bm25:
    """An index over tokenised passages."""

    def __init__(self, ids: Sequence[str], tokens: Sequence[list[str]], params: RetrievalParams) -> None:
        if not ids:
            raise HaechiError("bm25: the corpus is empty")
        self._ids = list(ids)
        self._index = bm25s.BM25(method="lucene", k1=params.bm25_k1, b=params.bm25_b)
        self._index.index([list(words) for words in tokens], show_progress=False)

    def search(self, query_ids: Sequence[str], tokens: Sequence[list[str]], k: int) -> Run:
        """The k best passages of each query that share a token with it; ties by id, also at the cut."""
        return Run({id: self._found(list(words), k) for id, words in zip(query_ids, tokens, strict=True)}, k)

    def _found(self, words: list[str], k: int) -> list[tuple[str, float]]:
        scores = self._index.get_scores(words) if words else np.zeros(len(self._ids), dtype=np.float32)
        # all that tie with the k-th come along, so that Run cuts by id
        lowest = np.partition(scores, -k)[-k] if k < len(scores) else 0.0
        return [(self._ids[row], float(scores[row])) for row in np.flatnonzero((scores >= lowest) & (scores > 0))]
