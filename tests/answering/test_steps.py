"""The plain steps as laws and examples."""

from functools import cache

import pytest
from answering.settings import answer_params
from hypothesis import given
from hypothesis import strategies as st

from haechi.answering import steps
from haechi.answering.params import AnswerParams
from haechi.retrieval.fuse import reciprocal_rank
from haechi.retrieval.run import Run, Scored
from haechi.scoring.names import BM25, HYBRID, TUNED
from haechi.serving.engine import LONGEST
from haechi.text.morphemes import analyse


@cache
def words(text: str) -> list[steps.Word]:
    return steps.words(next(analyse([text])))


def rewritten(last: str, *before: str, carry: int = 4) -> str:
    return steps.rewritten(last, words(last), [words(text) for text in before], carry)


@pytest.mark.parametrize(
    ("last", "before", "whole"),
    [
        ("그 이유가 뭐야?", "우물물이 줄고 있대", "우물물 그 이유가 뭐야?"),
        ("담장의 높이는 얼마야?", "우물물이 줄고 있대", "담장의 높이는 얼마야?"),
        ("우물물은 왜 줄어?", "우물물이 줄고 있대", "우물물은 왜 줄어?"),
        ("왜?", "그래?", "왜?"),
    ],
)
def test_a_turn_that_points_back_gets_the_subjects_of_earlier_ones(last: str, before: str, whole: str) -> None:
    assert rewritten(last, before) == whole


def test_a_first_turn_is_left_as_it_is_and_carried_nouns_are_few() -> None:
    assert rewritten("그 이유가 뭐야?") == "그 이유가 뭐야?"
    assert rewritten("왜?", "담장과 우물과 다리와 나무와 시장", "축제와 떡", carry=3) == "축제 떡 담장 왜?"


def test_a_long_past_makes_no_question_that_is_too_long() -> None:
    last = "왜 " + "그" * (LONGEST - 10)
    assert len(rewritten(last, "우물과 다리와 나무와 시장을 고치는 법")) <= LONGEST


def test_queries_are_the_question_and_its_keywords() -> None:
    text = "우물을 고칠 책임은 누구에게 있나요?"
    assert steps.queries(text, words(text), 6) == (text, "우물 책임")
    assert steps.queries(text, words(text), 1) == (text,)
    assert steps.queries("우물", words("우물"), 6) == ("우물",)


LISTS = st.lists(st.lists(st.sampled_from("abcdef"), unique=True, max_size=6), min_size=1, max_size=3)


def asked(ids: list[list[str]]) -> list[dict[str, list[Scored]]]:
    ranked = [[Scored(id, -float(rank)) for rank, id in enumerate(one)] for one in ids]
    return [
        {BM25: one, TUNED: one[::-1] and [Scored(s.id, -float(r)) for r, s in enumerate(one[::-1])], HYBRID: one}
        for one in ranked
    ]


@given(LISTS, st.sampled_from(["learned", "rrf", "weights", "votes"]))
def test_whatever_fuses_keeps_what_was_found_and_no_more(ids: list[list[str]], fuse: str) -> None:
    found = steps.fused(asked(ids), answer_params(fuse=fuse))
    assert {scored.id for scored in found} == {id for one in ids for id in one}


@given(LISTS)
def test_reciprocal_rank_is_the_sum_over_all_lists(ids: list[list[str]]) -> None:
    sums: dict[str, float] = {}
    for one in ids:
        for order in (one, one[::-1]):
            for rank, id in enumerate(order, start=1):
                sums[id] = sums.get(id, 0.0) + 1 / (60 + rank)
    found = dict(steps.fused(asked(ids), answer_params(fuse="rrf")))
    assert found == pytest.approx(sums)


def test_votes_are_six_three_one_and_a_half_in_every_list() -> None:
    found = dict(steps.fused(asked([list("abcd")]), answer_params(fuse="votes")))
    assert found == {"a": 6.5, "b": 4.0, "c": 4.0, "d": 6.5}


def test_one_query_is_fused_as_the_hybrid_has_it_and_several_by_reciprocal_rank() -> None:
    one, two = asked([list("abc"), list("cab")])
    learned: AnswerParams = answer_params(fuse="learned")
    assert steps.fused([one], learned) == tuple(one[HYBRID])
    both = [Run({"": list(part[HYBRID])}) for part in (one, two)]
    assert steps.fused([one, two], learned) == reciprocal_rank(both)[""]


def test_weights_of_nothing_leave_the_other_search_alone() -> None:
    found = steps.fused(asked([list("abc")]), answer_params(fuse="weights", weights={"bm25": 1.0, "tuned": 0.0}))
    assert [scored.id for scored in found] == list("abc")


@given(st.text(st.sampled_from("우물. ?\n!다"), max_size=40))
def test_sentences_are_pieces_of_the_text_in_order_and_only_spaces_lie_between(text: str) -> None:
    pieces = steps.sentences(text)
    assert all(text[piece.begin : piece.end] == piece.text for piece in pieces)
    rest, end = "", 0
    for piece in pieces:
        rest += text[end : piece.begin]
        end = piece.end
    assert not (rest + text[end:]).strip()


def test_the_best_sentence_has_the_rarest_words_and_a_later_passage_must_be_better() -> None:
    first, second = steps.sentences("우물은 깊다. 담은 낮다."), steps.sentences("담의 높이는 두 걸음이다.")
    passages = [(first, [["우물"], ["담"]]), (second, [["담", "높이"]])]
    rare = {"담": 1.0, "높이": 3.0}
    assert steps.best_sentence(["담", "높이"], passages, rare) == (1, second[0])
    assert steps.best_sentence(["담"], passages, rare) == (0, first[1])
    assert steps.best_sentence(["하늘"], passages, rare) is None
