"""Applies the filters: first what is known, then, on what is left, what scores say."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from haechi.mining import filters
from haechi.mining.candidates import Candidates, Flags, Floats
from haechi.mining.cheap_scores_first import ChoiceRule, PoolRows, prescored
from haechi.mining.filters import Fates, Filter, apply_filters
from haechi.mining.params import MineParams
from haechi.mining.relevance import Corpus, Query, Relevant
from haechi.mining.sampling import evenly
from haechi.retrieval.dense import Vectors, cosines
from haechi.runtime.errors import HaechiError

Scorer = Callable[[Sequence[tuple[str, str]]], npt.NDArray[np.floating]]
"""A reranker: how well each (query text, passage text) fits, the higher the better."""


@dataclass(frozen=True)
class Rules:
    """Everything that decides the fate of a candidate before any is chosen."""

    relevant: Relevant
    queries: Sequence[Query]
    query_vectors: Vectors
    corpus: Corpus
    passage_vectors: Vectors
    params: MineParams
    scorer: Scorer | None
    without: frozenset[str]
    cheap: Scorer | None = None
    """Stands in for the scorer wherever the difference can't matter."""

    def by_relevance(self, candidates: Candidates) -> Fates:
        """The fates of those that are known to be no negatives."""
        return apply_filters(candidates, np.zeros(len(candidates), dtype=np.uint8), self._on(filters.by_relevance(self.relevant)))

    def by_score(self, candidates: Candidates, fates: Fates, lowest: Floats) -> Fates:
        """The fates after skip_top and the margins."""
        p = self.params
        return apply_filters(candidates, fates, self._on(filters.by_score(lowest, p.margin, p.absolute_margin, p.skip_top)))

    def with_cosines(self, candidates: Candidates) -> Candidates:
        """The cosine of every candidate, which is the score as well where there is no reranker."""
        cosine = cosines(self.query_vectors, self.passage_vectors, candidates.query, candidates.passage)
        return replace(candidates, dense=cosine, score=candidates.score if self.scorer else cosine)

    def texts(self, candidates: Candidates) -> list[tuple[str, str]]:
        """What each of them says, for whoever reads."""
        return [
            (self.queries[q].text, self.corpus.passages[p].text)
            for q, p in zip(candidates.query.tolist(), candidates.passage.tolist(), strict=True)
        ]

    def with_scores(self, candidates: Candidates, shown: Flags) -> Candidates:
        """The reranker's score of those that are shown to it; nobody shows it the same twice."""
        if self.scorer is None:
            return candidates
        rows = np.flatnonzero(shown)
        pairs = self.texts(candidates.take(rows))
        given = np.asarray(self._scored(self.scorer, candidates.take(rows), pairs), dtype=np.float32)
        if given.shape != (len(pairs),):
            raise HaechiError(
                f"mine: the reranker gave scores of shape {given.shape} for {len(pairs)} pairs; it must give one each"
            )
        if not np.isfinite(given).all():
            query = self.queries[candidates.query[rows[np.flatnonzero(~np.isfinite(given))[0]]]]
            raise HaechiError(f"mine: the reranker gave a score of query {query.id} that is not finite")
        score = candidates.score.copy()
        score[rows] = given
        return replace(candidates, score=score)

    def _scored(self, scorer: Scorer, candidates: Candidates, pairs: Sequence[tuple[str, str]]) -> npt.NDArray[np.floating]:
        """The scorer's scores, or a cheap one's where that can't change who is chosen."""
        p, positive = self.params, self.relevant.positives.has(candidates.query, candidates.passage)
        if self.cheap is None or not positive.any():  # random fill comes without its positives, and is little
            return scorer(pairs)
        pool = PoolRows(candidates.query, positive, len(self.queries))
        rule = ChoiceRule(p.margin, p.num_negatives, p.reranker_certainty, evenly if p.sampling_strategy == "spread" else None)
        cheap = np.asarray(self.cheap(pairs), dtype=np.float64)
        return prescored(pool, cheap, lambda rows: np.asarray(scorer([pairs[row] for row in rows]), dtype=np.float64), rule)[0]

    def lowest(self, candidates: Candidates) -> Floats:
        """The score of each query's worst positive."""
        own = self.relevant.positives.has(candidates.query, candidates.passage)
        lowest = np.full(len(self.queries), np.inf, dtype=np.float32)
        np.minimum.at(lowest, candidates.query[own], candidates.score[own])
        return lowest

    def _on(self, named: Sequence[tuple[str, Filter]]) -> list[tuple[str, Filter]]:
        return [(name, keep) for name, keep in named if name not in self.without]
