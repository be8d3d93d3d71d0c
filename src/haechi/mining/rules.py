"""Applies the filters: first what is known, then, on what is left, what scores say."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from haechi.errors import HaechiError
from haechi.mining import filters
from haechi.mining.candidates import Candidates, Flags, Floats, cosines
from haechi.mining.filters import Fates, Filter, sieve
from haechi.mining.known import Corpus, Known, Query
from haechi.params.mine import MineParams
from haechi.retrieval.dense import Vectors

Scorer = Callable[[Sequence[tuple[str, str]]], npt.NDArray[np.floating]]
"""A reranker: how well each (query text, passage text) fits, the higher the better."""


@dataclass(frozen=True)
class Rules:
    """Everything that decides the fate of a candidate before any is chosen."""

    known: Known
    queries: Sequence[Query]
    query_vectors: Vectors
    corpus: Corpus
    passage_vectors: Vectors
    params: MineParams
    scorer: Scorer | None
    without: frozenset[str]

    def by_knowledge(self, candidates: Candidates) -> Fates:
        """The fates of those that are known to be no negatives."""
        return sieve(candidates, np.zeros(len(candidates), dtype=np.uint8), self._on(filters.knowledge(self.known)))

    def by_score(self, candidates: Candidates, fates: Fates, lowest: Floats) -> Fates:
        """The fates after skip_top and the margins."""
        p = self.params
        return sieve(candidates, fates, self._on(filters.by_score(lowest, p.margin, p.absolute_margin, p.skip_top)))

    def with_cosines(self, candidates: Candidates) -> Candidates:
        """The cosine of every candidate, which is the score as well where there is no reranker."""
        found = cosines(candidates.query, candidates.passage, self.query_vectors, self.passage_vectors)
        return replace(candidates, dense=found, score=candidates.score if self.scorer else found)

    def with_scores(self, candidates: Candidates, shown: Flags) -> Candidates:
        """The reranker's score of those that are shown to it, and were not before."""
        if self.scorer is None:
            return candidates
        rows = np.flatnonzero(shown & np.isnan(candidates.score))
        pairs = [
            (self.queries[q].text, self.corpus.passages[p].text)
            for q, p in zip(candidates.query[rows].tolist(), candidates.passage[rows].tolist(), strict=True)
        ]
        found = np.asarray(self.scorer(pairs), dtype=np.float32)
        if found.shape != (len(pairs),):
            raise HaechiError(
                f"mine: the reranker gave scores of shape {found.shape} for {len(pairs)} pairs; it must give one each"
            )
        if not np.isfinite(found).all():
            query = self.queries[candidates.query[rows[np.flatnonzero(~np.isfinite(found))[0]]]]
            raise HaechiError(f"mine: the reranker gave a score of query {query.id} that is not finite")
        score = candidates.score.copy()
        score[rows] = found
        return replace(candidates, score=score)

    def lowest(self, candidates: Candidates) -> Floats:
        """The score of each query's worst positive."""
        own = self.known.positives.has(candidates.query, candidates.passage)
        lowest = np.full(len(self.queries), np.inf, dtype=np.float32)
        np.minimum.at(lowest, candidates.query[own], candidates.score[own])
        return lowest

    def _on(self, named: Sequence[tuple[str, Filter]]) -> list[tuple[str, Filter]]:
        return [(name, keep) for name, keep in named if name not in self.without]
