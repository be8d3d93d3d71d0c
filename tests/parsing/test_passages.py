"""Ids, texts and parents of passages at every granularity."""

import pytest
from parsing.law_examples import GRANULARITIES, article, decision, document, law, params, raw, rule

from haechi.parsing.admin_rules import parse_rule
from haechi.parsing.decisions import parse_decision
from haechi.parsing.documents import parse_document
from haechi.parsing.passages import decision_passages, document_passages, statute_passages
from haechi.parsing.statutes import parse_statute
from haechi.records.passage import Passage


def law_passages(granularity: str, **changes: object) -> list[Passage]:
    value = parse_statute(raw(law())).value
    assert value
    return list(statute_passages(value, params(granularity, **changes)))


IDS = {
    "article": ["제1조", "제2조", "제3조", "제3조의2", "제6조"],
    "window": ["제1조", "제2조", "제3조", "제3조의2", "제6조"],
    "paragraph": ["제1조", "제2조", "제3조_제1항", "제3조_제3항", "제3조의2", "제6조"],
    "item": [
        "제1조", "제2조", "제2조_제1호", "제2조_제1호의2", "제3조_제1항", "제3조_제1항_제1호", "제3조_제1항_제2호",
        "제3조_제3항", "제3조의2", "제6조", "제6조_제1호",
    ],
}  # fmt: skip


@pytest.mark.parametrize("granularity", GRANULARITIES)
def test_ids_are_built_from_the_keys_of_the_law(granularity: str) -> None:
    """Deleted articles, paragraphs and items have none; annexes and addenda are units of their own."""
    units = ["별표1", "별표1의2", "부칙_20101231_제10100호", "부칙_20200102_제17000호"]

    assert [passage.id for passage in law_passages(granularity)] == [f"LAW_000777_{unit}" for unit in (*IDS[granularity], *units)]


@pytest.mark.parametrize("granularity", GRANULARITIES)
def test_the_gold_units_are_the_same_at_all_granularities(granularity: str) -> None:
    """So a test set does not depend on the cut."""
    assert {row.article_key for row in law_passages(granularity)} == {row.article_key for row in law_passages("article")}


def test_a_passage_tells_where_it_stands() -> None:
    """Law, chapters, label and title in one line, then the body with its items."""
    passage = next(row for row in law_passages("paragraph") if row.id == "LAW_000777_제3조_제1항")

    assert passage.text == (
        "마을나무 보호 및 가꾸기에 관한 법률 > 제1편 나무 > 제2장 돌봄 | 제3조(물주기의 삭제ㆍ중단)\n"
        "제1항 관리인은 다음 각 호에 따라 물을 준다.\n1. 봄: 이틀에 한 번\n2. 여름: 날마다"
    )
    assert (passage.parent_id, passage.article_key) == ("LAW_000777_제3조", "LAW_000777_제3조")
    assert (passage.type, passage.article, passage.title) == ("law", "제3조", "물주기의 삭제ㆍ중단")
    assert (passage.law_name, passage.date) == ("마을나무 보호 및 가꾸기에 관한 법률", "20240101")


def test_an_item_shows_the_sentence_that_it_hangs_on() -> None:
    """Alone it would say nothing."""
    passage = next(row for row in law_passages("item") if row.id == "LAW_000777_제3조_제1항_제2호")

    assert passage.text.split("\n")[1:] == ["관리인은 다음 각 호에 따라 물을 준다.", "2. 여름: 날마다"]
    assert passage.parent_id == "LAW_000777_제3조_제1항"


def test_an_item_without_paragraph_belongs_to_the_article() -> None:
    """LAW_…_제2조_제1호의2."""
    passage = next(row for row in law_passages("item") if row.id == "LAW_000777_제2조_제1호의2")

    assert passage.parent_id == "LAW_000777_제2조"
    assert passage.text.endswith("1의2. 큰나무: 다음 각 목의\n것을 말한다.\n가. 키가 큰 것\n1) 열 길이 넘는 것")


def test_annexes_and_addenda_are_left_out_when_not_asked_for() -> None:
    """Articles stay."""
    assert [row.article for row in law_passages("article", annexes=False, addenda=False)] == IDS["article"]


def test_only_later_chunks_have_a_suffix() -> None:
    """_c2, _c3, …; all belong to one gold unit."""
    long = " ".join(f"{number}번째 문장이다." for number in range(30))
    value = parse_statute(raw(law(조문={"조문단위": article("1", "가", f" {long}")}, 별표=None, 부칙=None))).value
    assert value

    passages = list(statute_passages(value, params("article", max_chars=100)))

    assert [row.id for row in passages] == ["LAW_000777_제1조", *(f"LAW_000777_제1조_c{n}" for n in range(2, len(passages) + 1))]
    assert {row.article_key for row in passages} == {"LAW_000777_제1조"}
    assert all(len(row.text.split("\n", 1)[1]) <= 100 for row in passages)


def test_rules_have_ids_of_their_own() -> None:
    """ADM_<id>_제2조_제1항; 별표 without a number is 별표."""
    value = parse_rule(raw(rule())).value
    assert value

    assert [row.id for row in statute_passages(value, params())] == [
        f"ADM_4242_{unit}"
        for unit in (
            "제1조", "제2조_제1항", "제2조_제2항", "제2조의2", "제4조", "별표",
            "부칙_20150101_제9999호", "부칙_20230301_제9999호",
        )
    ]  # fmt: skip


def test_a_decision_has_a_passage_for_each_section() -> None:
    """Issue, then holding."""
    value = parse_decision(raw(decision())).value
    assert value

    first, second = decision_passages(value, params())

    assert (first.id, second.id, first.article_key) == ("PREC_900001_1", "PREC_900001_2", "PREC_900001")
    assert first.text.split("\n") == [
        "대법원 20210325 2020다1001 | 나무값",
        "나무를 벤 자가 책임을 지는지 여부(적극)",
        "나무를 벤 자는 책임을 진다.",
    ]


def test_document_passages_are_numbered_from_1() -> None:
    """DOC_<docid>_<n>."""
    value = parse_document(raw(document())).value
    assert value

    assert [row.id for row in document_passages(value, params(max_chars=12))] == ["DOC_manual-1_1", "DOC_manual-1_2"]
    assert [row.text for row in document_passages(value, params())] == ["두레박 쓰는 법\n두레박을 내린다. 물을 긷는다."]
