"""bm25s beside rank_bm25.

BM25Okapi's own idf is log((N - n + .5)/(n + .5)) with a floor; Lucene's is log(1 + (N - n + .5)/(n + .5)) and Lucene
leaves out the constant factor k1 + 1. So the reference keeps BM25Okapi's term weighting and lengths, takes Lucene's
idf, and is divided by k1 + 1.
"""

import math
from itertools import pairwise
from unittest.mock import patch

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from rank_bm25 import BM25Okapi
from strategies import words

from haechi.retrieval import bm25
from haechi.retrieval.bm25 import Bm25
from haechi.retrieval.params import RetrievalParams
from haechi.runtime.errors import HaechiError


class LuceneOkapi(BM25Okapi):
    """rank_bm25 with Lucene's idf."""

    def _calc_idf(self, nd) -> None:
        self.idf = {word: math.log(1 + (self.corpus_size - n + 0.5) / (n + 0.5)) for word, n in nd.items()}


def reference(corpus: list[list[str]], query: list[str], params: RetrievalParams) -> np.ndarray:
    return LuceneOkapi(corpus, k1=params.bm25_k1, b=params.bm25_b).get_scores(query) / (params.bm25_k1 + 1)


@given(
    st.lists(words(), min_size=1, max_size=12),
    words(0, 5),
    st.sampled_from((0.5, 1.2, 2.0)),
    st.sampled_from((0.0, 0.4, 0.75, 1.0)),
)
def test_scores_and_order_equal_those_of_rank_bm25(corpus: list[list[str]], query: list[str], k1: float, b: float) -> None:
    params = RetrievalParams(k1, b)
    ids = [f"d{i:02d}" for i in range(len(corpus))]
    found = Bm25(ids, corpus, params).search(["q"], [query], len(corpus))["q"]
    wanted = dict(zip(ids, reference(corpus, query, params), strict=True))

    assert {s.id for s in found} == {id for id, score in wanted.items() if score > 0}
    for scored in found:
        assert scored.score == pytest.approx(wanted[scored.id], abs=1e-5)
    for one, other in pairwise(found):
        assert wanted[one.id] >= wanted[other.id] - 1e-5


@given(st.lists(words(), min_size=2, max_size=12), words(1, 4), st.integers(1, 5))
def test_a_smaller_k_keeps_the_best_scores(corpus: list[list[str]], query: list[str], k: int) -> None:
    params = RetrievalParams(1.2, 0.75)
    index = Bm25([f"d{i:02d}" for i in range(len(corpus))], corpus, params)
    whole, top = index.search(["q"], [query], len(corpus))["q"], index.search(["q"], [query], k)["q"]

    assert [s.score for s in top] == [s.score for s in whole[:k]]


@given(st.lists(words(1, 3), min_size=2, max_size=12), words(1, 2), st.integers(0, 5), st.randoms(use_true_random=False))
def test_equal_passages_are_ranked_by_id_also_at_the_cut(corpus: list[list[str]], query: list[str], k: int, random) -> None:
    params = RetrievalParams(1.2, 0.75)
    ids = [f"d{i:02d}" for i in range(len(corpus))]
    order = random.sample(range(len(corpus)), len(corpus))
    turned = Bm25([ids[i] for i in order], [corpus[i] for i in order], params).search(["q"], [query], k)["q"]

    assert turned == Bm25(ids, corpus, params).search(["q"], [query], len(corpus))["q"][:k]


@given(
    st.lists(words(1, 3), min_size=1, max_size=20),
    words(1, 3),
    st.integers(0, 8),
    st.integers(1, 7),
    st.lists(st.booleans(), min_size=20, max_size=20),
)
def test_summing_in_blocks_changes_nothing(corpus: list[list[str]], query: list[str], k: int, block: int, among) -> None:
    ids = [f"d{i:02d}" for i in range(len(corpus))]
    wanted = np.array(among[: len(corpus)])
    index = Bm25(ids, corpus, RetrievalParams(1.2, 0.75))
    whole = [index.search(["q"], [query], k, some)["q"] for some in (None, wanted)]
    with patch.object(bm25, "BLOCK", block):
        parted = Bm25(ids, corpus, RetrievalParams(1.2, 0.75))
        assert [parted.search(["q"], [query], k, some)["q"] for some in (None, wanted)] == whole


def test_a_query_finds_the_same_whatever_is_asked_beside_it() -> None:
    params = RetrievalParams(1.2, 0.75)
    index = Bm25(["a", "b", "c"], [["나무", "우물"], ["나무"], ["다리"]], params)
    queries = [["나무"], ["다리"], ["모르는", "말"], []]
    together = index.search(["1", "2", "3", "4"], queries, 3)

    for query_id, query in zip(["1", "2", "3", "4"], queries, strict=True):
        assert together[query_id] == index.search([query_id], [query], 3)[query_id]
    assert together["3"] == together["4"] == ()


def test_no_queries_give_an_empty_run_and_an_empty_corpus_is_refused() -> None:
    assert len(Bm25(["a"], [["나무"]], RetrievalParams(1.2, 0.75)).search([], [], 3)) == 0
    with pytest.raises(HaechiError, match="empty"):
        Bm25([], [], RetrievalParams(1.2, 0.75))
