import pytest
from hypothesis import given
from hypothesis import strategies as st
from small_law import BOOK, key

from haechi.pairs.query_text import names_one, query_text


@pytest.mark.parametrize("answer", ["적극", "소극", "한정 적극", "원칙적 적극", "=적극", "원칙적 소극"])
@pytest.mark.parametrize("brackets", ["()", "（）"])
def test_an_answer_marker_is_no_part_of_the_query(answer: str, brackets: str) -> None:
    issue = f"우물을 함께 쓰는지 여부{brackets[0]}{answer}{brackets[1]} 및 그 비용"

    assert query_text(issue) == "우물을 함께 쓰는지 여부 및 그 비용"


@pytest.mark.parametrize("kept", ["(마을법 제3조)", "(이하 ‘피고’라 한다)", "(2010. 1. 1. 개정되기 전의 것)", "(적극적 손해)"])
def test_other_brackets_stay(kept: str) -> None:
    issue = f"우물을 쓴 사람{kept}의 책임(소극)"

    assert query_text(issue) == f"우물을 쓴 사람{kept}의 책임"


@given(st.text(alphabet="우물의 책임()적극소 ,/", max_size=40))
def test_cleaning_twice_changes_nothing_when_brackets_are_whole(text: str) -> None:
    text = text.replace("(", "").replace(")", "") + "(적극)"

    assert query_text(query_text(text)) == query_text(text)
    assert "(적극)" not in query_text(text)


def test_a_query_names_its_answer_by_label_with_its_law_or_with_none() -> None:
    assert names_one("마을법 제3조의 나무", [key(3)], BOOK)
    assert names_one("제3조의 나무", [key(3)], BOOK)
    assert names_one("제 3 조의 나무", [key(3)], BOOK)
    assert not names_one("시장법 제3조의 나무", [key(3)], BOOK)
    assert not names_one("마을법 제3조의2의 나무", [key(3)], BOOK)
    assert not names_one("마을법의 나무", [key(3)], BOOK)
