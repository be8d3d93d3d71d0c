"""What courts cite together with a positive is no negative: counted as plainly as can be, and planted."""

from collections import Counter
from dataclasses import replace
from itertools import permutations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from mining.cases import LOOSE, PARAMS, Case, cases, corpus, mined, searched
from small_law import pair

from haechi.mining.cocitation import count_cocitations
from haechi.mining.filters import FATES
from haechi.mining.mine import mine
from haechi.mining.relevance import Corpus, Query
from haechi.mining.stage import decisions_of, queries_of

KEYS = st.sampled_from("ABCDEFG")


@given(st.lists(st.lists(KEYS, max_size=5), max_size=8), st.integers(1, 3))
def test_partners_are_those_of_as_many_decisions_as_are_asked_for(decisions: list[list[str]], least: int) -> None:
    number = {key: row for row, key in enumerate("GFEDCBA"[1:])}  # G is no article of the corpus
    counted = Counter(both for cited in decisions for both in permutations(sorted(set(cited) & set(number)), 2))
    found = count_cocitations(decisions, number)

    for key, row in number.items():
        partners = {other for (one, other), times in counted.items() if one == key and times >= least}
        assert found.partners(row, least).tolist() == sorted(number[other] for other in partners)


@given(cases(), st.lists(st.sets(st.integers(0, 9), min_size=2, max_size=4), min_size=1, max_size=4), st.integers(0, 2))
def test_no_negative_is_cited_together_with_a_positive(case: Case, cited: list[set[int]], least: int) -> None:
    decisions = [{f"A{n}" for n in articles} for articles in cited]
    known = Corpus(case.passages, case.reserved, decisions)
    params = replace(PARAMS, cited_together=least, num_negatives=9, **LOOSE)
    by_id = {p.id: p for p in case.passages}

    for example in mine(case.queries, searched(case), known, {}, params).examples:
        gold = {by_id[id].article_key for id in example.pos_ids}
        for id in example.neg_ids:
            together = max(sum({by_id[id].article_key, key} <= d for d in decisions) for key in gold)
            assert not least or together < least


@pytest.mark.parametrize(("least", "fate"), [(0, "chosen"), (1, "together"), (2, "together"), (3, "chosen")])
def test_a_planted_partner_meets_its_fate_by_the_number_of_decisions(least: int, fate: str) -> None:
    passages = corpus(8)
    query = Query("q0", "물음", ("P00",), (), frozenset(), "precedent")
    known = Corpus(passages, frozenset(), [["A0", "A3"], ["A3", "A0", "A0"], ["A3"], ["A0", "A2", "NOWHERE"]])
    params = replace(PARAMS, cited_together=least, num_negatives=9, **LOOSE)
    found = mine([query], searched(Case(passages, [query], frozenset(), 1)), known, {}, params)
    fates = {
        found_.id: FATES[f] for found_, f in zip((known.passages[p] for p in found.candidates.passage), found.fates, strict=True)
    }

    assert fates["P06"] == fates["P07"] == fate


def test_a_decision_counts_once_however_many_queries_it_makes() -> None:
    sections = [pair(f"PREC_1_s{n}", "물음", article_keys=("A0",), cocited=("A0", "A5"), source_id="PREC_1") for n in range(3)]
    other = pair("PREC_2_s1", "물음", article_keys=("A0",), cocited=("A0", "A5"), source_id="PREC_2")

    assert decisions_of(queries_of([*sections, other])) == [["A0", "A5", "PREC_1"], ["A0", "A5", "PREC_2"]]


def test_by_default_nothing_is_known_of_decisions() -> None:
    query = Query("q0", "물음", ("P00",), (), frozenset(), "precedent")
    found = mined(Case(corpus(8), [query], frozenset(), 1))

    assert not (found.fates == FATES.index("together")).any()
    assert len(np.unique(found.fates)) > 1
