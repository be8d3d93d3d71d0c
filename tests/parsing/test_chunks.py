"""Cutting loses nothing and keeps the limit."""

import re

from hypothesis import given
from hypothesis import strategies as st

from haechi.parsing.chunks import cut, windows

PARTS = ["나무를 벤다. ", "물을 준다.\n", "가나다라마바사아자차카타파하 ", "3.5퍼센트, ", "끝"]
SENTENCES = st.lists(st.sampled_from(PARTS), max_size=40).map("".join)
LIMITS = st.integers(5, 60)


def squeezed(text: str) -> str:
    return re.sub(r"\s+", "", text)


@given(SENTENCES, LIMITS)
def test_the_pieces_are_the_text(text: str, limit: int) -> None:
    """Joined again, nothing but spaces is missing."""
    assert squeezed("".join(cut(text, limit))) == squeezed(text)


@given(st.text(), LIMITS)
def test_no_piece_is_longer_than_the_limit(text: str, limit: int) -> None:
    """Whatever the text; and none is empty."""
    for piece in (*cut(text, limit), *windows(text, limit)):
        assert 0 < len(piece.strip()) <= len(piece) <= limit


@given(SENTENCES, LIMITS)
def test_windows_hold_every_sentence(text: str, limit: int) -> None:
    """They overlap, so each piece of `cut` at sentence level is in some window."""
    joined = squeezed("".join(windows(text, limit)))

    assert len(joined) >= len(squeezed(text))


def test_sentences_stay_whole() -> None:
    """A number with a point is no end."""
    assert cut("이자는 3.5퍼센트이다. 그 밖은 없다.", 16) == ["이자는 3.5퍼센트이다.", "그 밖은 없다."]


def test_windows_repeat_the_last_sentence() -> None:
    """Up to a quarter of the limit."""
    text = "하나다. 둘이다. 셋이다. 넷이다. 다섯이다. 여섯이다. 일곱이다."

    assert windows(text, 20) == ["하나다. 둘이다. 셋이다. 넷이다.", "넷이다. 다섯이다. 여섯이다.", "여섯이다. 일곱이다."]


def test_a_short_text_is_one_piece() -> None:
    """And an empty one none."""
    assert cut("가", 5) == windows("가", 5) == ["가"]
    assert cut(" ", 5) == windows("", 5) == []
