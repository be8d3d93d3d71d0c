"""BM25 over Kiwi morphemes, by bm25s (Lucene's variant)."""

from collections.abc import Sequence

import bm25s

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
        """The k best passages of each query that share a token with it."""
        if not query_ids:
            return Run({})
        k = min(k, len(self._ids))
        rows, scores = self._index.retrieve([list(words) for words in tokens], k=k, show_progress=False)
        return Run(
            {
                query_id: [(self._ids[row], score) for row, score in zip(rows[i], scores[i], strict=True) if score > 0]
                for i, query_id in enumerate(query_ids)
            }
        )
