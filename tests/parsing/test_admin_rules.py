"""Administrative rules: structure is read out of running strings."""

import pytest
from parsing.law_examples import law, raw, rule

from haechi.parsing.admin_rules import parse_rule, split_articles, split_items, split_paragraphs
from haechi.parsing.statute_types import Statute


def parsed(**changes: object) -> Statute:
    value = parse_rule(raw(rule(**changes))).value
    assert value
    return value


def test_articles_paragraphs_and_items() -> None:
    """Inline ① and 1. become 항 and 호; a date does not."""
    articles = {article.label: article for article in parsed().articles}
    check = articles["제2조"]

    assert list(articles) == ["제1조", "제2조", "제2조의2", "제3조", "제4조"]
    assert [(part.label, part.live) for part in check.paragraphs] == [("제1항", True), ("제2항", True), ("제3항", False)]
    assert [(item.label, item.text, item.live) for item in check.paragraphs[0].items] == [
        ("제1호", "물의 맑기", True),
        ("제2호", "두레박", True),
        ("제3호", "삭제", False),
    ]
    assert check.paragraphs[1].text == "살핀 날은 2016. 7. 25.과 같이 적는다."
    assert articles["제1조"].lead == "이 규정은 우물(샘을 포함한다)을 다룬다."
    assert articles["제2조의2"].lead == "두레박은 1. 나무로 만든다."


def test_deletion_is_anchored() -> None:
    """벌칙의 삭제 is a live title."""
    articles = {article.label: article for article in parsed().articles}

    assert not articles["제3조"].live
    assert articles["제4조"].live
    assert articles["제4조"].title == "벌칙의 삭제"
    assert articles["제4조"].chapters == ("제2장 벌칙",)
    assert "<별지 제1호 서식>" in articles["제4조"].lead


def test_the_id_is_the_one_that_amendments_keep() -> None:
    """Not the serial number."""
    statute = parsed()

    assert (statute.key, statute.type, statute.kind) == ("ADM_4242", "admin", "고시")
    assert statute.first_date == "20150101"
    assert [addendum.label for addendum in statute.addenda] == ["부칙_20150101_제9999호", "부칙_20230301_제9999호"]
    assert [annex.label for annex in statute.annexes] == ["별표"]


LONG = (
    "제1장 총칙 제1-1조(목적) 이 규정은 제2-1조에 따른다. 제1-2조(정의 등) ① 물이다. ② 제2-2조(두레박)에서 정한다. "
    "제1-2조의2 삭제 <2010.1.1> 제2장 우물　 제1절 두레박 제2-1조(두레박) 나무다. 제2-2조(두레박) 끈이다."
)


def test_one_long_string_is_split_at_rising_labels() -> None:
    """A reference to a later article, title and all, cuts nothing; headings stand alone."""
    assert [piece.split("(")[0].split(" 이")[0] for piece in split_articles(LONG)] == [
        "제1장 총칙", "제1-1조", "제1-2조", "제1-2조의2 삭제 <2010.1.1>", "제2장 우물　 제1절 두레박", "제2-1조", "제2-2조",
    ]  # fmt: skip


def test_one_long_string_as_a_rule() -> None:
    """제N-M조 labels, chapter path from the middle of the string."""
    articles = {article.label: article for article in parsed(조문내용=LONG).articles}

    assert list(articles) == ["제1-1조", "제1-2조", "제1-2조의2", "제2-1조", "제2-2조"]
    assert articles["제2-1조"].chapters == ("제2장 우물", "제1절 두레박")
    assert [part.label for part in articles["제1-2조"].paragraphs] == ["제1항", "제2항"]


@pytest.mark.parametrize(
    ("text", "numbers"),
    [
        ("가 ① 나 ② 다", [1, 2]),
        ("① 나 ③ 다", [1]),
        ("② 나", []),
        ("", []),
    ],
)
def test_paragraph_marks_count_in_sequence(text: str, numbers: list[int]) -> None:
    """A mark out of turn is text."""
    assert [number for number, _ in split_paragraphs(text)[1]] == numbers


@pytest.mark.parametrize(
    ("text", "numbers"),
    [
        ("각 호: 1. 가 2. 나", [(1, 0), (2, 0)]),
        ("1. 가 1의2. 나 2. 다", [(1, 0), (1, 2), (2, 0)]),
        ("2015. 1. 1. 부터 2016. 2. 2. 까지", []),
        ("1. 하나뿐", []),
        ("가 3. 나", []),
    ],
)
def test_item_marks_count_in_sequence(text: str, numbers: list[tuple[int, int]]) -> None:
    """Dates and single marks are no lists."""
    assert [number for number, _ in split_items(text)[1]] == numbers


def test_several_deleted_articles_in_one_string() -> None:
    """제5조 내지 제7조 삭제."""
    result = parse_rule(raw(rule(조문내용=["제5조 내지 제7조 삭제 <2010.1.1>", "제8조(가) 나"])))

    assert [row.reason for row in result.dropped][:1] == ["deleted_article"]


def test_units_are_kept_or_dropped() -> None:
    """Also where a string has no label."""
    result = parse_rule(raw(rule(조문내용=["제1장 가", "그냥 글", "제1조(가) 나", "제2조 삭제"])))
    assert result.value
    kept = sum(article.live for article in result.value.articles) + len(result.value.annexes) + len(result.value.addenda)

    assert [row.reason for row in result.dropped] == ["no_article_label", "deleted_article"]
    assert result.units == kept + len(result.dropped)


@pytest.mark.parametrize(
    "changes",
    [
        {"조문내용": None},
        {"조문내용": 3},
        {"조문내용": [3]},
        {"부칙": {"부칙공포일자": ["1"], "부칙공포번호": [], "부칙내용": []}},
        {"부칙": 3},
        {"행정규칙기본정보": {}},
    ],
)
def test_a_broken_rule_is_one_dropped(changes: dict[str, object]) -> None:
    """It counts as one unit."""
    result = parse_rule(raw(rule(**changes)))

    assert (result.value, result.units, len(result.dropped)) == (None, 1, 1)


def test_laws_and_rules_are_the_same_nouns() -> None:
    """One cutter serves both."""
    assert type(parsed()) is Statute
    assert law()["법령"]
