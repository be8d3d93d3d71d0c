"""Validation: retrieval on held-out pairs over the whole corpus, folded to articles like the test."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from haechi.errors import HaechiError
from haechi.evaluation.metrics import Placed, mean, placed, score
from haechi.law.twins import one_name
from haechi.records.pair import Pair
from haechi.records.passage import Passage
from haechi.retrieval.dense import encode_passages, encode_queries, search
from haechi.retrieval.run import PASSAGES_PER_ARTICLE, Run

if TYPE_CHECKING:
    from sentence_transformers import SentenceTransformer

DEPTH = 100  # articles; no metric looks further


class Validation:
    """Scores encoders on the same pairs."""

    def __init__(self, pairs: Sequence[Pair], corpus: Sequence[Passage], k_values: Sequence[int] = (1, 10, 100)) -> None:
        self._pairs, self.corpus, self.k_values = pairs, corpus, k_values
        name = one_name(corpus)
        self._key_of = {passage.id: name[passage.article_key] for passage in corpus}
        self._own = {pair.query_id: name.get(pair.meta.source_id, "") for pair in pairs}
        if not pairs:
            raise HaechiError("validation: there is no validation pair; raise make_pairs.valid_share, or add decisions")
        self.groups = {pair.query_id: pair.meta.group for pair in pairs}
        """Queries of one group resemble each other."""
        self.gold = {pair.query_id: tuple(dict.fromkeys(name[key] for key in pair.meta.article_keys)) for pair in pairs}

    def run(self, model: "SentenceTransformer") -> Run:
        """The articles that the model finds for each validation query."""
        queries = encode_queries(model, [pair.query_text for pair in self._pairs])
        passages = encode_passages(model, [passage.text for passage in self.corpus])
        ids = [passage.id for passage in self.corpus]
        return search([pair.query_id for pair in self._pairs], queries, ids, passages, PASSAGES_PER_ARTICLE * DEPTH).fold(
            self._key_of, self._own, DEPTH
        )

    def places(self, model: "SentenceTransformer") -> dict[str, Placed]:
        """Where the model finds the gold of each query; every metric follows from that."""
        run = self.run(model)
        return {query_id: placed(run[query_id], keys) for query_id, keys in self.gold.items()}

    def __call__(self, model: "SentenceTransformer") -> dict[str, float]:
        """Mean metrics of the model, such as ndcg@10."""
        return mean(score(self.places(model), self.k_values))
