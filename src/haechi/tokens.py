"""Korean content words by Kiwi: the tokens that BM25 and the offline question writer share.

Nouns, verb and adjective stems, roots, Latin, hanja and numbers stay; particles and endings go. Latin is lowered; letters of
full width and hanja of the compatibility block are brought to their plain forms, so that ＤＮＡ finds dna.
Pure: `haechi.retrieval.tokens` keeps what was made.
"""

import functools
import os
import unicodedata
from collections.abc import Sequence
from typing import Any

from kiwipiepy import Kiwi

CONTENT = ("NNG", "NNP", "NNB", "NR", "VV", "VA", "XR", "SL", "SH", "SN", "MAG")
NOUNS = ("NNG", "NNP", "XR", "SL", "SH")
_FOREIGN = ("SL", "SH")
_NARROW = {wide: wide - 0xFEE0 for wide in range(0xFF01, 0xFF5F)}  # Ａ is A
VERSION = 1
"""Raised whenever the same analysis would give other tokens."""


@functools.cache
def kiwi(words: tuple[str, ...] = ()) -> Kiwi:
    """One analyser a process and user dictionary; workers come from HAECHI_WORKERS (they don't change results)."""
    made = Kiwi(num_workers=int(os.environ.get("HAECHI_WORKERS", os.cpu_count() or 1)))
    for word in words:
        made.add_user_word(word, "NNP")
    return made


def tokenize(texts: Sequence[str], words: tuple[str, ...] = ()) -> list[list[str]]:
    """Content morphemes of each text, in order; nothing is stored."""
    narrow = [text.translate(_NARROW) for text in texts]
    return [[_plain(token) for token in found if _tag(token) in CONTENT] for found in kiwi(words).tokenize(narrow)]


def nouns(texts: Sequence[str]) -> list[list[str]]:
    """Nouns of two characters or more of each text, in order."""
    return [[token.form for token in found if token.tag in NOUNS and len(token.form) > 1] for found in kiwi().tokenize(texts)]


def _tag(token: Any) -> str:
    return str(token.tag).partition("-")[0]  # VV-I and VV-R are verbs too


def _plain(token: Any) -> str:
    form = str(token.form)
    return unicodedata.normalize("NFKC", form).lower() if token.tag in _FOREIGN else form
