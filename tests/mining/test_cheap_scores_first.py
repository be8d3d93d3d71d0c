"""A cheap scorer beside the scorer: it stands in where that can't change who is chosen."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from mining.cases import PARAMS, Case, cases, corpus, mined

from haechi.mining import apply_filters
from haechi.mining.cheap_scores_first import prescored
from haechi.mining.mine import Advice
from haechi.mining.relevance import Query


def exact(pairs) -> np.ndarray:
    return np.array([0.1 + (sum(map(ord, query + text)) * 7919 % 1000) / 1250 for query, text in pairs])


def cheap(pairs) -> np.ndarray:
    """Off by up to a hundredth."""
    return exact(pairs) + np.array([(len(text) % 3 - 1) / 100 for _, text in pairs])


@given(cases(), st.sampled_from(("top", "spread")))
def test_with_room_for_its_errors_a_cheap_scorer_changes_no_choice(case: Case, choice: str) -> None:
    settings = {"near_duplicate": 2.0, "reranker_certainty": 1e9, "max_uses": 9999, "sampling_strategy": choice}
    alone, helped = (mined(case, advice, **settings) for advice in (Advice(scorer=exact), Advice(scorer=exact, cheap=exact)))
    near = mined(case, Advice(scorer=exact, cheap=cheap), **settings)

    assert [e.neg_ids for e in helped.examples] == [e.neg_ids for e in alone.examples]
    assert [e.pos_scores for e in near.examples] == [e.pos_scores for e in alone.examples], "positives are always exact"


@pytest.mark.parametrize(("choice", "places"), [("top", None), ("spread", [0, 4, 8])])
def test_the_cascade_is_told_of_an_even_choice(monkeypatch: pytest.MonkeyPatch, choice: str, places: list[int] | None) -> None:
    """Its borders are the places that the miner takes."""
    told = []
    monkeypatch.setattr(apply_filters, "prescored", lambda *all: told.append(all[-1]) or prescored(*all))
    query = Query("q0", "물음", ("P00",), (), frozenset(), "title")
    mined(Case(corpus(20), [query], frozenset(), 4), Advice(scorer=exact, cheap=cheap), sampling_strategy=choice)

    assert [wanted.evenly and wanted.evenly(9, 3).tolist() for wanted in told] == [places]


def test_fewer_bits_first_are_refused_where_every_score_must_be_exact() -> None:
    for change in ({"sampling_strategy": "sampled"}, {"promote": "agreement"}, {"absolute_margin": 0.1}, {"reranker_block": 10}):
        with pytest.raises(ValueError, match="reranker_prescore is for"):
            replace(PARAMS, reranker_prescore="int8", **change)
