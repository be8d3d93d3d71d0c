from dataclasses import replace
from typing import Any

import orjson
import pytest
from small_law import PASSAGES, STATUTES, decision, key, passage, section

from haechi.citations.law_index import LawIndex
from haechi.corpus.duplicates import link_twins
from haechi.pairs.params import MakePairsParams
from haechi.pairs.sections import decision_keys
from haechi.pairs.stage import make_pairs
from haechi.pairs.user_queries import label_user_queries
from haechi.parsing.ingest import RawCorpus
from haechi.parsing.queries import UserQuery
from haechi.records.decision import Decision
from haechi.records.held_out import HeldOut
from haechi.runtime.errors import HaechiError

PARAMS = MakePairsParams(7, 0.5, 0.0, 0.0, 5, 2, False, False, False, True, False)
NOTHING = HeldOut("20150101", "20200101", frozenset(), frozenset(), frozenset(), frozenset({key(1)}), ("가장 새로운 물음",), 0.8)
CITED = [
    decision("1", "20100101", (section(1, "나무를 베어도 되는지", "마을법 제3조"),)),
    decision("2", "20110101", (section(1, "우물을 메워도 되는지", "마을법 제4조"),)),
]
BARE = decision("3", "20090101", (section(1, "인용 없는 사건의 긴 쟁점 문장", "모르는법 제1조"),))
TEXTS = [passage(f"PREC_{n}_1", f"판결\n{n}번 판결의 본문", article_key=f"PREC_{n}", type="prec") for n in range(1, 9)]


def raw(decisions: list[Decision]) -> RawCorpus:
    return RawCorpus(STATUTES, (), tuple(decisions), (), (), (), 0, (), 0)


def made(decisions: list[Decision], held_out: HeldOut = NOTHING, **changes: Any):
    return make_pairs(raw(decisions), PASSAGES, TEXTS, held_out, replace(PARAMS, **changes))


def test_a_foreign_test_set_is_refused_in_one_sentence_that_names_the_way_out() -> None:
    with pytest.raises(HaechiError, match="haechi testset refresh") as caught:
        made(CITED, replace(NOTHING, gold=frozenset({"LAW_555555_제1조", key(1)})))

    assert "\n" not in str(caught.value)
    assert "LAW_555555_제1조" in str(caught.value)


def test_a_few_missing_gold_articles_are_no_foreign_test_set() -> None:
    gold = frozenset({"LAW_555555_제1조", *(p.article_key for p in PASSAGES), *(f"{p.article_key}" for p in PASSAGES)})
    many = [passage(f"DOC_{n}") for n in range(20)]
    gold |= {p.article_key for p in many}
    result = make_pairs(raw(CITED), [*PASSAGES, *many], TEXTS, replace(NOTHING, gold=gold), PARAMS)

    assert result.counts["train"] == 1


def test_fallback_pairs_are_off_by_default_and_never_in_validation() -> None:
    off, on = made([*CITED, BARE]), made([*CITED, BARE], fallback=True)

    assert not off.fallback_passages
    assert {p.meta.type for p in (*off.pairs.train, *off.pairs.valid)} == {"precedent"}
    assert [p.query_id for p in on.pairs.train if p.meta.type == "fallback"] == ["PREC_3_fallback"]
    assert {p.meta.type for p in on.pairs.valid} == {"precedent"}
    assert {p.article_key for p in on.fallback_passages} == {"PREC_3"}


def test_a_fallback_decision_that_shares_a_case_with_the_test_set_is_held_out() -> None:
    held_out = replace(NOTHING, keys=frozenset(decision_keys(BARE)))

    assert not made([*CITED, BARE], held_out, fallback=True).fallback_passages


def test_a_fallback_decision_that_hangs_on_the_test_set_through_another_is_held_out() -> None:
    tested = decision("4", "20180101", (section(1, "시험에 나온 쟁점", "마을법 제5조"),), ("다4",))
    between = decision("5", "20090101", (section(1, "사이에 낀 사건의 쟁점", "모르는법 제1조"),), ("다4", "다5"))
    last = decision("6", "20080101", (section(1, "맨 끝에 달린 사건", "모르는법 제1조"),), ("다5",))
    held_out = replace(NOTHING, sources=frozenset({"PREC_4"}), keys=frozenset(decision_keys(tested)))

    assert not made([*CITED, tested, between, last], held_out, fallback=True).fallback_passages


def test_a_fallback_query_that_repeats_a_test_query_is_left_out_and_does_not_stop_the_stage() -> None:
    held_out = replace(NOTHING, query_texts=("인용 없는 사건의 긴 쟁점 문장은",))

    assert not made([*CITED, BARE], held_out, fallback=True).fallback_passages


def test_a_fallback_decision_stays_on_the_side_of_its_group() -> None:
    """Same case number as the newest cited decision, which is validation: it must not train."""
    relative = replace(BARE, case_numbers=CITED[1].case_numbers)
    result = made([*CITED, relative], fallback=True)

    assert [p.query_id for p in result.pairs.valid] == ["PREC_2_s1"]
    assert not [p for p in result.pairs.train if p.meta.type == "fallback"]


def test_two_runs_give_the_same_bytes_whatever_the_order_of_files() -> None:
    first, second = made([*CITED, BARE], fallback=True), made([BARE, *reversed(CITED)], fallback=True)

    assert orjson.dumps(first.pairs) == orjson.dumps(second.pairs)
    assert orjson.dumps(first.counts) == orjson.dumps(second.counts)


def test_a_user_query_that_a_held_out_document_answers_does_not_train() -> None:
    """Planted leak: the document's own questions are the synthetic suite."""
    documents = [passage("DOC_a_1", "가\n첫 글이다.", article_key="DOC_a", type="doc", title="가")]
    query = UserQuery("USER_1", "첫 글은 무엇인가", ("DOC_a", key(2)), "queries.jsonl")
    corpus = replace(raw(CITED), queries=(query,))

    free = make_pairs(corpus, [*PASSAGES, *documents], TEXTS, NOTHING, PARAMS)
    held = make_pairs(corpus, [*PASSAGES, *documents], TEXTS, replace(NOTHING, sources=frozenset({"DOC_a"})), PARAMS)

    assert [p.query_id for p in free.pairs.train if p.meta.type == "user"] == ["USER_1"]
    assert [p.query_id for p in held.pairs.train if p.meta.type == "user"] == []
    assert held.pairs.counts["dropped.user.reserved_article"] == 1


def test_a_twin_of_a_reserved_article_is_reserved_too() -> None:
    """The same words in another law: a pair on the twin would teach the reserved article."""
    passages = link_twins(PASSAGES)  # the two laws of the village say the same
    reserved = replace(NOTHING, articles=frozenset({key(3, "000002")}))

    pairs = make_pairs(raw(CITED), passages, TEXTS, reserved, PARAMS).pairs

    assert key(3) not in {k for p in (*pairs.train, *pairs.valid) for k in p.meta.article_keys}


def test_a_positive_that_names_nothing_is_told_of() -> None:
    query = UserQuery("USER_1", "우물은 누가 쓰나", (key(4), "없는법 제1조"), "queries.jsonl")

    found = make_pairs(replace(raw(CITED), queries=(query,)), PASSAGES, TEXTS, NOTHING, PARAMS)

    assert found.warnings == (
        "queries.jsonl: query '우물은 누가 쓰나' names '없는법 제1조', which is no article or document here",
    )
    assert found.counts["user_queries"] == {"kept": 1, "read": 1, "unknown_positives": 1}


@pytest.mark.parametrize(
    ("positive", "meant"),
    [
        ("DOC_manuall", "DOC_manual"),
        ("manual", "DOC_manual"),
        ("manual.md", "DOC_manual"),
        ("DOC_notes", ""),
        ("DOC_leave rules", "DOC_departments/staff/leave_rules"),
        ("leave rules.txt", "DOC_departments/staff/leave_rules"),
        (key(4).replace("제", ""), key(4)),
    ],
)
def test_the_key_that_was_meant_is_told(positive: str, meant: str) -> None:
    """The closest document, or article where it looks like one; DOC_, a folder or `_` for a space may be forgotten."""
    query = UserQuery("USER_1", "우물은 누가 쓰나", (positive,), "queries.jsonl")
    index = LawIndex(raw(CITED).statutes)

    (told,) = label_user_queries(
        [query], index, {key: (key,) for key in ("DOC_manual", "DOC_여름휴가", "DOC_departments/staff/leave_rules")}
    ).unknown

    assert told.partition("; ")[2] == (f"did you mean {meant}?" if meant else "")


def test_a_long_query_is_told_of_in_short() -> None:
    query = UserQuery("USER_1", "가" * 5000, ("나" * 5000,), "queries.jsonl")

    (told,) = label_user_queries([query], LawIndex(()), {}).unknown

    assert len(told) < 200 + len("queries.jsonl")
