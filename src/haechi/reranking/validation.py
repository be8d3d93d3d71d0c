"""Validation of a reranker: the first articles that search finds for held-out queries, in the order of the reranker.

The lists are those of BM25 and the tuned model fused by rank, for the hybrid is fitted after the last model is made. They are as
search gives them: where the answer isn't among them, no reranker can find it, and the query counts as lost.
"""

import hashlib
from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from haechi.evaluation.searcher import Asked, Searcher, Source
from haechi.inference import fixed_shapes
from haechi.models.load import AnyEncoder
from haechi.models.tokenize import Reader
from haechi.records.pair import Pair
from haechi.records.passage import Passage
from haechi.reranking.rerank import PairScores, rerank
from haechi.retrieval.fuse import reciprocal_rank
from haechi.retrieval.params import RetrievalParams
from haechi.retrieval.run import Run
from haechi.runtime.errors import HaechiError
from haechi.scoring.metrics import GoldRanks, gold_ranks, mean, score
from haechi.scoring.names import HEADLINE
from haechi.scoring.validation import by_slice, mixed

if TYPE_CHECKING:
    from sentence_transformers import CrossEncoder

K_VALUES = (1, 10, 100)
"""Those of the validation of encoders, since guards may look at any."""


def drawn(pairs: Sequence[Pair], most: int) -> list[Pair]:
    """So many of the pairs, by a hash of their ids, in their order; 0 takes all."""
    chosen = {id(pair) for pair in sorted(pairs, key=lambda pair: hashlib.sha256(pair.query_id.encode()).digest())[:most]}
    return [pair for pair in pairs if not most or id(pair) in chosen]


def found(
    pairs: Sequence[Pair], corpus: Sequence[Passage], encoder: AnyEncoder, source: Source, retrieval: RetrievalParams, depth: int
) -> tuple[Searcher, Run]:
    """The first articles for each pair by BM25 and the encoder fused."""
    texts = [passage.text for passage in corpus]
    searcher = Searcher(corpus, source.tokens(texts), retrieval, depth)
    asked = [Asked(pair.query_id, pair.query_text, pair.meta.source_id) for pair in pairs]
    words = searcher.bm25(asked, source.tokens([query.text for query in asked]))
    dense = searcher.dense(asked, source.queries(encoder, [query.text for query in asked]), source.passages(encoder, texts))
    return searcher, reciprocal_rank([words, dense], depth)


class RerankValidation:
    """Scores cross-encoders on the same lists."""

    def __init__(
        self, pairs: Sequence[Pair], corpus: Sequence[Passage], searcher: Searcher, lists: Run, unseen_weight: float = 0.0
    ) -> None:
        if not pairs:
            raise HaechiError("train_reranker: there is no validation pair; raise make_pairs.valid_share, or add decisions")
        self._pairs, self._corpus, self._name, self._lists = pairs, corpus, searcher.name, lists
        self._gold = {pair.query_id: searcher.named(pair.meta.article_keys) for pair in pairs}
        self.slices = {pair.query_id: pair.meta.slice for pair in pairs}
        self._weights = mixed(self.slices, unseen_weight)
        self._depth = max((len(lists[pair.query_id]) for pair in pairs), default=0)
        apart = [f"{name}_{HEADLINE}" for name in by_slice(self.slices, self._weights)]
        self.metrics = (*score({"": GoldRanks((1,), 1)}, K_VALUES)[""], *apart)
        """The names of what is measured."""

    def __call__(self, model: "CrossEncoder") -> dict[str, float]:
        """Metrics of the lists in the order of the model, and that of each slice."""
        read = Reader(model)

        def said(pairs: Sequence[tuple[str, str]]) -> list[float]:
            return [float(row[0]) for row in fixed_shapes.run(model, pairs, "scores", read=read)]

        return self.of(self.reranked(said))

    def reranked(self, said: PairScores) -> Run:
        """The lists in the order of these scores."""
        texts = {pair.query_id: pair.query_text for pair in self._pairs}
        return rerank(self._lists, texts, self._corpus, self._name, said, self._depth)

    def of(self, run: Run) -> dict[str, float]:
        """The metrics of a ranking."""
        scores = score({query_id: gold_ranks(run[query_id], keys) for query_id, keys in self._gold.items()}, K_VALUES)
        apart = by_slice(self.slices, {query_id: row[HEADLINE] for query_id, row in scores.items()})
        return {**mean(scores, self._weights), **{f"{name}_{HEADLINE}": value for name, value in apart.items()}}

    @property
    def before(self) -> dict[str, float]:
        """The metrics of the lists as search gives them."""
        return self.of(self._lists)

    @property
    def reachable(self) -> float:
        """Share of the queries whose answers are all in their lists."""
        inside = [{one.id for one in self._lists[query_id]}.issuperset(keys) for query_id, keys in self._gold.items()]
        return float(np.mean(inside))

    def shrink(self, step: int) -> None:
        """A validation goes through in shapes that are fixed."""
        raise HaechiError(f"train_reranker: out of memory in evaluation at step {step}; lower reranker.max_length")
