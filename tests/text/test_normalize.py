"""Cleaning never touches what the law says."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from haechi.text.normalize import CIRCLED, clean, fold, is_deleted, one_line, strip_amendments


def test_circled_digits_survive_cleaning() -> None:
    """NFKC would turn ① into 1."""
    assert clean("①당사자는 ㉑항") == "①당사자는 ㉑항"
    assert CIRCLED["①"] == 1
    assert CIRCLED["⑳"] == 20
    assert CIRCLED["㉑"] == 21
    assert CIRCLED["㊿"] == 50


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("가<br/>  나<BR>다", "가\n나\n다"),
        ('심신장애<img src="/x?flSeq=1"></img>를', "심신장애를"),
        ('<a href="x">민법</a> 제1조', "민법 제1조"),
        ("가\x00나", "가나"),
        ("[1]         민법", "[1] 민법"),
        ("A &amp; B &lt;개정&gt;", "A & B <개정>"),
        ("가\t나\u00a0다\u3000라", "가 나 다 라"),
        ("<별지 제1호 서식>", "<별지 제1호 서식>"),
        ("\r\n가\r나", "가\n나"),
        ("\u1100\u1161", "가"),
    ],
)
def test_clean(text: str, expected: str) -> None:
    """Tags, entities and odd spaces go; text in angle brackets stays."""
    assert clean(text) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("한다. <개정 2014.3.24, 2020. 2. 4.>", "한다."),
        ("한다. <신설 2010.1.1, 개정 2011.1.1>", "한다."),
        ("한다. <단서 신설 2010.1.1> 그리고", "한다. 그리고"),
        ("한다. <2004.1.29>", "한다."),
        ("한다. [전문개정 2012. 05. 24.]", "한다."),
        ("한다. [본조신설 2012.1.1]", "한다."),
        ("한다. [제목개정 2012.1.1]", "한다."),
        ("한다. [제2조의3에서 이동, 종전 제2조는 제3조로 이동 <2010.1.1>]", "한다."),
        ("한다. [시행일: 2026. 1. 1.] 제5조", "한다. 제5조"),
        ("① <삭제 2016. 6. 28.>", "① 삭제"),
        ("<별표 1> 및 <별지 제3호 서식>", "<별표 1> 및 <별지 제3호 서식>"),
        ("은행[지방은행을 말한다]은", "은행[지방은행을 말한다]은"),
        ("[별표 2]에 따른다", "[별표 2]에 따른다"),
    ],
)
def test_strip_amendments(text: str, expected: str) -> None:
    """Notes on amendments go, references and remarks stay."""
    assert strip_amendments(text) == expected


@pytest.mark.parametrize(
    "text",
    ["삭제", "삭제 <2004.1.29>", "삭 제 <2004. 1. 29.>", "<삭제 2016. 6. 28.>", "<삭제> (2023.2.27.)", "< 삭 제 ＞"],
)
def test_deleted(text: str) -> None:
    """All the ways to say that nothing is left."""
    assert is_deleted(text)


@pytest.mark.parametrize(
    "text",
    ["", "해당 정보를 삭제하여야 한다.", "노출된 개인정보의 삭제ㆍ차단", "삭제 요구", "삭제 <2004.1.29> 다만"],
)
def test_not_deleted(text: str) -> None:
    """Provisions about deletion are alive."""
    assert not is_deleted(text)


def test_fold_ignores_spaces_dots_and_quotes() -> None:
    """Three spellings of one name."""
    spellings = ("남녀고용평등과 일ㆍ가정 양립", "‘남녀고용평등과일·가정양립’", "「남녀고용평등과 일・가정  양립」")

    assert len(set(map(fold, spellings))) == 1


@given(st.text())
def test_cleaning_twice_is_cleaning_once_for_plain_text(text: str) -> None:
    """Nothing but tags and entities may need a second pass."""
    plain = text.replace("<", "").replace("&", "")
    assert clean(clean(plain)) == clean(plain)
    assert "\x00" not in clean(text)
    assert "\n" not in one_line(text)
