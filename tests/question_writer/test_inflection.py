"""Particles fit the word before them, endings their stem."""

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from haechi.question_writer.inflection import ENDINGS, EVERYDAY_VERBS, PAIRS, conjugated, particle, with_particle

SYLLABLES = st.characters(min_codepoint=ord("가"), max_codepoint=ord("힣"))


@pytest.mark.parametrize(
    ("word", "name", "wanted"),
    [
        ("물건", "이", "물건이"),
        ("나무", "이", "나무가"),
        ("서울", "으로", "서울로"),
        ("마음", "으로", "마음으로"),
        ("나무", "으로", "나무로"),
        ("LPG", "을", "LPG를"),
        ("URL", "을", "URL을"),
        ("URL", "으로", "URL로"),
        ("3", "을", "3을"),
        ("2", "은", "2는"),
        ("7", "으로", "7로"),
        ("3", "으로", "3으로"),
        ("제3조", "과", "제3조와"),
        ("「상법」", "을", "「상법」을"),
        ("등록", "이란", "등록이란"),
        ("이자", "이라는", "이자라는"),
        ("보증", "에", "보증에"),
        ("보증", "의", "보증의"),
    ],
)
def test_a_particle_fits_the_word_before(word: str, name: str, wanted: str) -> None:
    assert with_particle(word, name) == wanted


@given(SYLLABLES, st.sampled_from(sorted(PAIRS)))
def test_the_final_consonant_decides_and_nothing_else(syllable: str, name: str) -> None:
    """Held against Unicode's own decomposition; 로 follows ㄹ as it follows a vowel."""
    jamo = unicodedata.normalize("NFD", syllable)
    open_ = len(jamo) == 2 or (name == "으로" and jamo[2] == "\u11af")

    assert particle(syllable, name) == PAIRS[name][open_]


@pytest.mark.parametrize(
    ("stem", "ending", "wanted"),
    [
        ([("알리", "VV")], "었는데", "알렸는데"),
        ([("듣", "VV-I")], "어도", "들어도"),
        ([("돕", "VV-I")], "면", "도우면"),
        ([("하", "XSV")], "어야", "해야"),
        ([("받", "VV-R")], "려면", "받으려면"),
        ([("내", "VV")], "려면", "내려면"),
        ([("살", "VV")], "ᆯ", "살"),
        ([("살", "VV")], "는", "사는"),
        ([("아니하", "VX")], "었는데", "않았는데"),
        ([("적", "VV-R")], "지", "적지"),
    ],
)
def test_an_ending_fits_its_stem(stem: list[tuple[str, str]], ending: str, wanted: str) -> None:
    assert conjugated([*stem, *ENDINGS[ending]]) == wanted


@pytest.mark.parametrize("ending", ENDINGS)
def test_every_everyday_verb_takes_every_ending(ending: str) -> None:
    """What comes out is whole syllables: no loose jamo, no tag."""
    for verb in EVERYDAY_VERBS.values():
        word = conjugated([*verb, *ENDINGS[ending]])
        assert word
        assert all("가" <= letter <= "힣" or letter == " " for letter in word), word
