"""A text is Korean, English, or nothing that questions can be written in."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from haechi.text.language import COMMON_SHARE, TELLING, language


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("우물을 고친 사람은 비용을 청구할 수 있다.", "ko"),
        ("PostgreSQL 컨테이너를 띄우는 법", "ko"),
        ("제1조(목적) 이 법은 GPU와 CPU의 관리에 관하여 정한다.", "ko"),
        ("The well is checked by the keeper every spring.", "en"),
        ("well keeper duties", "en"),
        ("The Hangul word 우물 means a well, and the keeper of it is chosen by the village.", "en"),
        ("Der Brunnen im Dorf wird jedes Jahr im Frühling geprüft, weil das Wasser sonst nicht sauber bleibt.", "unknown"),
        ("Le puits du village doit être contrôlé chaque printemps parce que son eau se trouble en hiver.", "unknown"),
        ("井戸の水は毎年検査されます。", "unknown"),
        ("民法 第一條", "unknown"),
        ("Колодец проверяют каждую весну", "unknown"),
        ("1,234 (56)", "unknown"),
        ("", "unknown"),
    ],
)
def test_languages_are_told_apart(text: str, wanted: str) -> None:
    assert language(text) == wanted


@given(st.text("가나다라 ab12.,\n", max_size=40), st.text(" \n0123456789.,!?%()-", max_size=20))
def test_figures_marks_and_case_decide_nothing(text: str, marks: str) -> None:
    assert language(f"{marks}{text}{marks}") == language(text) == language(text.upper()) == language(text + text)


@given(st.integers(1, 40), st.integers(0, 40))
def test_a_long_latin_text_is_english_where_it_has_common_words_enough(others: int, common: int) -> None:
    text = " ".join(["brunnen"] * others + ["the"] * common)
    doubted = others + common >= TELLING and common < COMMON_SHARE * (others + common)

    assert language(text) == ("unknown" if doubted else "en")
