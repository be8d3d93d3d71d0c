"""Validation: retrieval on held-out pairs over the whole corpus, folded to articles like the test.

Its queries lie in slices: answers that training names, articles that it never names, laws that it never names, users' own words.
One figure out of them is a declared mix, so that a model isn't chosen by what is looked up alone; each slice is told beside it.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import get_args

import numpy as np

from haechi.corpus.duplicates import one_name
from haechi.models.load import AnyEncoder
from haechi.models.token_cache import TokenCache
from haechi.records.pair import Pair, Slice
from haechi.records.passage import Passage
from haechi.retrieval.dense import BATCH, Vectors, encode_passages, encode_queries, search
from haechi.retrieval.run import PASSAGES_PER_ARTICLE, Run
from haechi.runtime.errors import HaechiError
from haechi.runtime.progress import say
from haechi.scoring.metrics import GoldRanks, gold_ranks, mean, score
from haechi.scoring.names import HEADLINE

DEPTH = 100  # articles; no metric looks further


SLICES: tuple[Slice, ...] = get_args(Slice)
SEEN = SLICES[0]


def mixed(slices: Mapping[str, Slice], unseen_weight: float) -> dict[str, float]:
    """What each query counts in a mean, 1 on average: the slices of strangers make up `unseen_weight` of it, in equal parts.

    Where only one side is there, it is all there is: the slices that there are count alike.
    """
    sizes = Counter(slices.values())
    strangers = [name for name in sizes if name != SEEN]
    parts = dict.fromkeys(strangers, (unseen_weight if SEEN in sizes else 1.0) / max(1, len(strangers)))
    parts[SEEN] = 1.0 - unseen_weight if strangers else 1.0
    if len(sizes) == 1:
        return dict.fromkeys(slices, 1.0)
    return {query_id: parts[name] * len(slices) / sizes[name] for query_id, name in slices.items()}


def by_slice(slices: Mapping[str, Slice], values: Mapping[str, float]) -> dict[Slice, float]:
    """The mean of each slice, in their order; nothing where there is only one."""
    rows = {name: [values[query_id] for query_id in slices if slices[query_id] == name] for name in SLICES}
    means = {name: sum(own) / len(own) for name, own in rows.items() if own}
    return means if len(means) > 1 else {}


class Validation:
    """Scores encoders on the same pairs."""

    def __init__(
        self,
        pairs: Sequence[Pair],
        corpus: Sequence[Passage],
        k_values: Sequence[int] = (1, 10, 100),
        unseen_weight: float = 0.0,
    ) -> None:
        self._pairs, self.corpus, self.k_values = pairs, corpus, k_values
        self._batch = BATCH
        self._tokens = TokenCache()
        self.slices = {pair.query_id: pair.meta.slice for pair in pairs}
        self.weights = mixed(self.slices, unseen_weight)
        """What each query counts in a mean."""
        apart = _named(by_slice(self.slices, self.weights))
        self.metrics = (*score({"": GoldRanks((1,), 1)}, k_values)[""], *apart, "similarity")
        """The names of what is measured."""
        name = one_name(corpus)
        self._key_of = {passage.id: name[passage.article_key] for passage in corpus}
        self._own = {pair.query_id: name.get(pair.meta.source_id, "") for pair in pairs}
        if not pairs:
            raise HaechiError("validation: there is no validation pair; raise make_pairs.valid_share, or add decisions")
        self.groups = {pair.query_id: pair.meta.group for pair in pairs}
        """Queries of one group resemble each other."""
        self.gold = {pair.query_id: tuple(dict.fromkeys(name[key] for key in pair.meta.article_keys)) for pair in pairs}

    def run(self, model: AnyEncoder) -> Run:
        """The articles that the model finds for each validation query."""
        return self._search(*self._vectors(model))

    def places(self, model: AnyEncoder) -> dict[str, GoldRanks]:
        """Where the model finds the gold of each query; every metric follows from that."""
        return self._places(self.run(model))

    def __call__(self, model: AnyEncoder) -> dict[str, float]:
        """Metrics of the model, such as ndcg@10, that of each slice, and `similarity`, the mean cosine of any two passages."""
        queries, passages = self._vectors(model)
        scores = score(self._places(self._search(queries, passages)), self.k_values)
        apart = by_slice(self.slices, {query_id: row[HEADLINE] for query_id, row in scores.items()})
        return {**mean(scores, self.weights), **_named(apart), "similarity": mean_cosine(passages)}

    def shrink(self, step: int) -> None:
        """Embed fewer texts at once from now on, since memory ran out."""
        self._batch = halved(self._batch, f"in evaluation at step {step}", "lower model.max_length")

    def _vectors(self, model: AnyEncoder) -> tuple[Vectors, Vectors]:
        with self._tokens.of(model) as model:
            queries = encode_queries(model, [pair.query_text for pair in self._pairs], self._batch)
            return queries, encode_passages(model, [passage.text for passage in self.corpus], self._batch)

    def _search(self, queries: Vectors, passages: Vectors) -> Run:
        ids = [passage.id for passage in self.corpus]
        return search([pair.query_id for pair in self._pairs], queries, ids, passages, PASSAGES_PER_ARTICLE * DEPTH).fold(
            self._key_of, self._own, DEPTH
        )

    def _places(self, run: Run) -> dict[str, GoldRanks]:
        return {query_id: gold_ranks(run[query_id], keys) for query_id, keys in self.gold.items()}


def halved(batch: int, where: str, remedy: str) -> int:
    """How many texts are embedded at once from now on, since memory ran out; refused where it is one already."""
    if batch == 1:
        raise HaechiError(f"train: out of memory {where} with one text at a time; {remedy}")
    say(f"train: out of memory {where}; the same texts again, {batch // 2} at a time")
    return batch // 2


def _named(slices: Mapping[Slice, float]) -> dict[str, float]:
    """Slices as rows of a history have them: seen_ndcg@10 and the like."""
    return {f"{name}_{HEADLINE}": value for name, value in slices.items()}


def mean_cosine(vectors: Vectors) -> float:
    """Of any two different ones of these unit vectors; near 1 a model says the same of everything."""
    number = len(vectors)
    total = vectors.sum(axis=0, dtype=np.float64)
    own = float(np.einsum("ij,ij->", vectors, vectors, dtype=np.float64))
    return (float(total @ total) - own) / max(1, number * (number - 1))
