"""Every shape of a law becomes the same nouns."""

from typing import Any

import pytest
from parsing.law_examples import article, heading, law, raw

from haechi.parsing.statute_types import Article, Statute
from haechi.parsing.statutes import ChapterPath, parse_statute, split_title
from haechi.records.dropped import Dropped


def parsed(value: dict[str, Any]) -> tuple[Statute, list[Dropped]]:
    result = parse_statute(raw(value))
    assert result.value
    return result.value, list(result.dropped)


def only(*rows: dict[str, Any]) -> tuple[Article, ...]:
    return parsed(law(조문={"조문단위": list(rows)}, 별표=None, 부칙=None))[0].articles


def test_facts_of_the_law() -> None:
    """The first date is that of the earliest 부칙."""
    statute, _ = parsed(law())

    assert (statute.key, statute.name, statute.abbr) == ("LAW_000777", "마을나무 보호 및 가꾸기에 관한 법률", "마을나무법")
    assert (statute.kind, statute.date, statute.first_date) == ("법률", "20240101", "20101231")


def test_headings_become_the_chapter_path() -> None:
    """Part and chapter stand on two lines of one row; a new chapter closes the old one."""
    articles = parsed(law())[0].articles

    assert articles[0].chapters == ("제1편 나무", "제1장 총칙")
    assert articles[2].chapters == ("제1편 나무", "제2장 돌봄")
    assert not any("편" in article.label or "장" in article.label for article in articles)


def test_branch_articles_have_their_own_label() -> None:
    """제3조의2 is not 제3조."""
    assert [article.label for article in parsed(law())[0].articles] == [
        "제1조", "제2조", "제3조", "제3조의2", "제4조", "제5조의2", "제6조",
    ]  # fmt: skip


def test_a_paragraph_without_number_carries_the_items_of_the_article() -> None:
    """항 = {호} holds the definitions."""
    definitions = parsed(law())[0].articles[1]

    (paragraph,) = definitions.paragraphs
    assert paragraph.label == ""
    assert [(item.label, item.live) for item in paragraph.items] == [("제1호", True), ("제1호의2", True), ("제2호", False)]
    assert paragraph.items[1].text == "큰나무: 다음 각 목의\n것을 말한다."
    assert [(sub.label, sub.text, sub.live) for sub in paragraph.items[1].subitems] == [
        ("가", "키가 큰 것\n1) 열 길이 넘는 것", True),
        ("나", "삭제", False),
    ]


def test_amendment_notes_are_gone_and_circled_digits_read() -> None:
    """The number goes into the label."""
    first, second, third = parsed(law())[0].articles[2].paragraphs

    assert (first.label, first.text, first.live) == ("제1항", "관리인은 다음 각 호에 따라 물을 준다.", True)
    assert (second.label, second.live) == ("제2항", False)
    assert (third.label, third.text, third.live) == ("제3항", "기록에서 나무를 삭제하여야 한다.", True)


def test_a_title_about_deletion_does_not_delete() -> None:
    """물주기의 삭제ㆍ중단 is alive, 삭제 <2004.1.29> is not."""
    articles = {article.label: article for article in parsed(law())[0].articles}

    assert articles["제3조"].live
    assert not articles["제4조"].live


def test_what_is_not_kept_is_named() -> None:
    """Deleted, moved, form, deleted annex."""
    _, dropped = parsed(law())

    assert [(row.position, row.reason) for row in dropped] == [
        ("제4조", "deleted_article"),
        ("제5조의2", "moved_article"),
        ("서식1", "form"),
        ("별표2", "deleted_annex"),
    ]


def test_units_are_kept_or_dropped() -> None:
    """Articles, annexes and addenda; headings are none."""
    result = parse_statute(raw(law()))
    assert result.value
    kept = sum(article.live for article in result.value.articles) + len(result.value.annexes) + len(result.value.addenda)

    assert result.units == 7 + 4 + 2 == kept + len(result.dropped)


def test_annexes_have_labels_with_branches() -> None:
    """별표 0001/02 is 별표1의2; table lines are gone."""
    annexes = parsed(law())[0].annexes

    assert [annex.label for annex in annexes] == ["별표1", "별표1의2"]
    assert "│" not in annexes[0].text
    assert "나무 한 그루 십만 원" in annexes[0].text


def test_a_single_annex_may_be_a_dict() -> None:
    """The service drops the list around one row."""
    value = law()
    value["법령"]["별표"]["별표단위"] = value["법령"]["별표"]["별표단위"][0]
    value["법령"]["부칙"]["부칙단위"] = value["법령"]["부칙"]["부칙단위"][0]
    value["법령"]["조문"]["조문단위"] = value["법령"]["조문"]["조문단위"][1]

    statute, _ = parsed(value)

    assert (len(statute.articles), len(statute.annexes), len(statute.addenda)) == (1, 1, 1)


def test_lists_of_lists_are_flattened() -> None:
    """항 as [[…]] reads as 항 as […]."""
    nested = article("1", "가", "", 항=[[{"항번호": "①", "항내용": [["①하나", "둘"]]}]])

    assert only(nested)[0].paragraphs[0].text == "하나\n둘"


def test_title_and_text_may_differ_in_the_middle_dot() -> None:
    """제공ㆍ관리 and 제공·관리 are one title."""
    row = article("1", "", "(제공ㆍ관리) 본문", 조문제목="제공·관리")

    assert only(row)[0].lead == "본문"


def test_a_bracket_that_is_no_title_stays() -> None:
    """The body begins with a remark."""
    assert only(article("1", "", " (이하 같다) 본문"))[0].lead == "(이하 같다) 본문"


@pytest.mark.parametrize(
    ("text", "expected"),
    [("(가(나)다) 라", ("가(나)다", "라")), ("가", ("", "가")), ("(가", ("", "(가")), ("", ("", ""))],
)
def test_split_title(text: str, expected: tuple[str, str]) -> None:
    """Brackets nest."""
    assert split_title(text) == expected


def test_headings_on_one_line_are_two() -> None:
    """제3장 … 제1절 …"""
    path = ChapterPath()
    path.read("제3장 기업의 인수 제1절 공개매수")
    assert list(path.names) == ["제3장 기업의 인수", "제1절 공개매수"]

    path.read("제4장의2 벌칙 <개정 2010.1.1>")
    assert list(path.names) == ["제4장의2 벌칙"]


def test_a_heading_between_articles_is_never_an_article() -> None:
    """It has the number of the next one."""
    articles = only(heading("7", "제1장 가"), article("7", "나", " 다"))

    assert [(row.label, row.chapters) for row in articles] == [("제7조", ("제1장 가",))]


@pytest.mark.parametrize(
    ("row", "reason"),
    [
        ({"조문여부": "조문", "조문번호": 1, "조문내용": "제1조"}, "wrong_type"),
        ({"조문여부": "조문", "조문번호": "일", "조문내용": "제1조"}, "wrong_type"),
        ({"조문여부": "조문", "조문내용": "제1조"}, "missing_key"),
        ({"조문여부": "조문", "조문번호": "1", "조문내용": 5}, "wrong_type"),
        ({"조문여부": "조문", "조문번호": "1", "조문내용": "제1조"}, "empty_article"),
        ({"조문여부": "조문", "조문번호": "1", "조문내용": "제1조", "항": ["①"]}, "wrong_type"),
        ({"조문여부": "조문", "조문번호": "1", "조문내용": "제1조", "항": {"항번호": "가"}}, "wrong_type"),
        ({"조문여부": "조문", "조문번호": "1", "조문내용": "제1조", "항": {"호": {"호내용": "1. 가"}}}, "missing_key"),
    ],
)
def test_a_broken_article_is_dropped_whole(row: dict[str, Any], reason: str) -> None:
    """Never kept by halves, and the others stay."""
    statute, dropped = parsed(law(조문={"조문단위": [row, article("9", "가", " 나")]}, 별표=None, 부칙=None))

    assert [entry.reason for entry in dropped] == [reason]
    assert [entry.label for entry in statute.articles if entry.live] == ["제9조"]


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"기본정보": []},
        {"기본정보": {"법령ID": 777, "법령명_한글": "가"}, "조문": {}},
        {"기본정보": {"법령ID": "000777", "법령명_한글": " "}, "조문": {}},
        {"기본정보": {"법령ID": "000777", "법령명_한글": "가"}, "조문": []},
        {"기본정보": {"법령ID": "000777", "법령명_한글": "가"}},
        [],
        "가",
    ],
)
def test_a_broken_law_is_one_dropped(body: Any) -> None:
    """It counts as one unit."""
    result = parse_statute(raw({"법령": body}))

    assert (result.value, result.units, len(result.dropped)) == (None, 1, 1)
