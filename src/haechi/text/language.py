"""Which language a text is in, by its letters and, where it is Latin and long, by the commonest English words. No model."""

import re
from typing import Literal

Language = Literal["ko", "en", "unknown"]

OTHER: dict[Language, Language] = {"ko": "en", "en": "ko"}
"""The one that questions across languages are in."""
SYLLABLE = 3
"""Latin letters that say as much as one syllable of Hangul: `PostgreSQL 컨테이너를 띄우는 법` is Korean."""
TELLING = 12
"""Words from which an English text must hold some of the commonest ones; a shorter one may be a title or a search."""
COMMON_SHARE = 0.05
"""Of English prose they are a quarter or more, of other languages hardly any."""

_HANGUL = re.compile(r"[가-힣]")
_LATIN = re.compile(r"[A-Za-zÀ-ÖØ-öø-ɏ]")
_LETTER = re.compile(r"[^\W\d_]")
_WORD = re.compile(r"[^\W\d_]+")
_COMMON = re.compile(r"the|of|and|to|is|are|be|can|does|that|with|this|for|by|from|at|as|it|not|or|if|you|what|which|when|how")


def language(text: str) -> Language:
    """Korean or English by what most of its letters are; unknown where they are others, or there are none."""
    hangul, latin, letters = (len(letter.findall(text)) for letter in (_HANGUL, _LATIN, _LETTER))
    if (hangul + latin) * 2 <= letters:
        return "unknown"
    if hangul * SYLLABLE >= latin:
        return "ko"
    words = _WORD.findall(text.lower())
    common = sum(bool(_COMMON.fullmatch(word)) for word in words)
    return "unknown" if len(words) >= TELLING and common < COMMON_SHARE * len(words) else "en"
