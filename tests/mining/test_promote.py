from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from mining.cases import PARAMS, Case, cases, mined
from small_law import passage

from haechi.mining.filters import FATES
from haechi.mining.mine import Advice, Mined, Searched, mine
from haechi.mining.promote import AGREEMENT, reader
from haechi.mining.relevance import Corpus, Query
from haechi.retrieval.dense import search

COSINES = {"gold": 0.5, "higher": 0.9, "cited": 0.7, "cited_low": 0.3, "second": 0.8, "reserved": 0.95, "easy": 0.1, "twin": 0.2}


def court(judge, reranked: bool = False, **changes) -> Mined:
    """`twin` says what `cited` says; `sibling` rules follow from articles of their own."""
    texts = {id: f"법\n{id}의 글" for id in COSINES} | {"cited": "법\n함께 쓴 글이다", "twin": "법\n함께 쓴 글이다"}
    passages = [passage(id, texts[id], twins={"cited": ("twin",), "twin": ("cited",)}.get(id, ())) for id in COSINES]
    vectors = np.array([[COSINES[p.id], (1 - COSINES[p.id] ** 2) ** 0.5] for p in passages], dtype=np.float32)
    asked = np.array([[1.0, 0.0]], dtype=np.float32)
    run = search(["q"], asked, [p.id for p in passages], vectors, 9)
    query = Query("q", "물음", ("gold",), (), frozenset({"cited", "cited_low"}), "precedent")
    known = Corpus(passages, frozenset({"reserved"}))
    params = replace(PARAMS, promote="agreement", reranker="a reranker", **changes)
    return mine([query], Searched(asked, vectors, run, run), known, {}, params, Advice(judge=judge))


def fates(found: Mined) -> dict[str, str]:
    ids = sorted(COSINES)
    return {ids[p]: FATES[f] for p, f in zip(found.candidates.passage, found.fates, strict=True)}


def test_without_a_judge_nothing_rises() -> None:
    found = court(None)

    assert found.examples[0].pos_ids == ("gold",)
    assert fates(found)["cited"] == "cocited"
    assert found.counts["positives"]["promoted"] == 0  # type: ignore[index]


def test_where_scores_and_citations_agree_a_candidate_becomes_a_positive() -> None:
    found = court(AGREEMENT)

    assert found.examples[0].pos_ids == ("gold", "cited")
    assert found.examples[0].pos[1] == "법\n함께 쓴 글이다"
    assert found.examples[0].pos_scores == pytest.approx((0.5, 0.7), abs=1e-6)
    assert found.counts["positives"] == {"given": 1, "found_by_bm25": 2, "found_by_dense": 2, "promoted": 1}


def test_what_rose_takes_its_twins_out_of_the_negatives() -> None:
    assert fates(court(None))["twin"] == "chosen"
    assert fates(court(AGREEMENT))["twin"] == "twin"


def test_a_judge_is_shown_the_best_scored_above_the_positive_but_nothing_reserved() -> None:
    shown: list[tuple[str, str]] = []

    def judge(pairs):
        shown.extend(pairs)
        return [passage == "법\nsecond의 글" for _, passage in pairs]

    found = court(reader(judge), promote_most=2)

    assert sorted(shown) == [("물음", "법\nhigher의 글"), ("물음", "법\nsecond의 글")]
    assert found.examples[0].pos_ids == ("gold", "second")
    assert fates(found)["second"] == "promoted"
    assert fates(found)["higher"] == "above_margin"
    assert fates(found)["reserved"] == "reserved"


@given(cases(), st.integers(1, 3))
def test_however_many_rise_the_laws_of_mining_hold(case: Case, most: int) -> None:
    by_id = {p.id: p for p in case.passages}
    found = mined(
        case,
        Advice(judge=reader(lambda pairs: [True] * len(pairs))),
        promote="agreement",
        reranker="a reranker",
        promote_most=most,
    )

    for query, example in zip(sorted(case.queries, key=lambda q: q.id), found.examples, strict=True):
        risen = example.pos_ids[len(query.positives) :]
        assert example.pos_ids[: len(query.positives)] == query.positives
        assert len(risen) <= most
        assert not set(risen) & set(query.positives)
        gold = {by_id[id].article_key for id in example.pos_ids}
        assert not {by_id[id].article_key for id in example.neg_ids} & (gold | case.reserved)
        lowest = min(example.pos_scores[: len(query.positives)])
        assert all(score >= lowest for score in example.pos_scores)
        assert not {by_id[id].article_key for id in risen} & case.reserved
