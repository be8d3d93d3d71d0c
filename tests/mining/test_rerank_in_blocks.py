from typing import Any

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from mining.cases import LOOSE, PARAMS, Case, cases, corpus, mined, searched

from haechi.mining.filters import FATES
from haechi.mining.mine import Advice
from haechi.mining.relevance import Query
from haechi.retrieval.fuse import reciprocal_rank


class Counting:
    """A reranker that scores a pair by its texts, and counts what it was shown."""

    def __init__(self) -> None:
        self.pairs: list[tuple[str, str]] = []

    def __call__(self, pairs) -> np.ndarray:
        self.pairs.extend(pairs)
        return np.array([(sum(map(ord, query + text)) * 7919 % 1000) / 1000 for query, text in pairs])


@given(case=cases(), settings=st.sampled_from(({}, LOOSE)))
def test_blocks_as_large_as_all_candidates_change_nothing(case: Case, settings: dict[str, Any]) -> None:
    whole, blocks = Counting(), Counting()

    first = mined(case, Advice(scorer=whole), **settings)
    second = mined(case, Advice(scorer=blocks), reranker_block=999, **settings)
    assert first.examples == second.examples
    assert sorted(whole.pairs) == sorted(blocks.pairs)


@given(case=cases(), block=st.integers(1, 4))
def test_no_pair_is_shown_twice_and_what_was_not_shown_is_no_negative(case: Case, block: int) -> None:
    reranker = Counting()
    found = mined(case, Advice(scorer=reranker), reranker_block=block, **LOOSE)

    assert len(reranker.pairs) == len(set(reranker.pairs))
    unseen = found.fates == FATES.index("unseen")
    assert np.isnan(found.candidates.score[unseen]).all()
    assert int(np.isfinite(found.candidates.score).sum()) == len(reranker.pairs)
    for example in found.examples:
        assert all((example.query, text) in set(reranker.pairs) for text in example.neg)


@given(case=cases(), block=st.integers(1, 4))
def test_it_goes_on_while_negatives_are_missing_or_the_last_block_brought_a_better_one(case: Case, block: int) -> None:
    """So whoever stops early has as many as wanted, and none of the last block that it was shown among them."""
    found = mined(case, Advice(scorer=Counting()), reranker_block=block, **LOOSE)
    short = {e.query_id for e in found.examples if len(e.neg_ids) < PARAMS.num_negatives}
    unseen = {found.queries[q].id for q in found.candidates.query[found.fates == FATES.index("unseen")]}

    assert not short & unseen


def test_where_the_reranker_agrees_with_the_searches_it_reads_two_blocks() -> None:
    """The first three fill the example, the next three bring nothing better."""
    case = Case(corpus(40), [Query("q0", "물음", ("P00",), (), frozenset(), "title")], frozenset(), 4)
    found = searched(case)
    fused = [s.id for s in reciprocal_rank([found.bm25, found.dense])["q0"] if s.id not in ("P00", "P01")]
    text = {p.id: p.text for p in case.passages}
    place = {text[id]: place for place, id in enumerate(fused)}
    shown: list[str] = []

    def scorer(pairs) -> np.ndarray:
        shown.extend(passage for _, passage in pairs)
        return np.array([0.99 if passage == text["P00"] else 0.5 - 0.01 * place[passage] for _, passage in pairs])

    example = mined(case, Advice(scorer=scorer), reranker_block=3, structural=False, sampling_strategy="top", **LOOSE).examples[0]
    assert list(example.neg_ids) == fused[:3]
    assert shown[0] == text["P00"]
    assert sorted(shown[1:]) == sorted(text[id] for id in fused[:6])
    assert len(fused) > 9
