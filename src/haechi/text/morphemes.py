"""Content words by Kiwi: the tokens that BM25 and the offline question writer share.

Nouns, verb and adjective stems, roots, Latin, hanja and numbers stay; particles and endings go. Latin words are lowered and
brought to their English stem, so that `Wells` finds `well`; letters of full width and hanja of the compatibility block are
brought to their plain forms, so that ＤＮＡ finds dna.
Pure: `haechi.inference.cached_tokens` keeps what was made.
"""

import functools
import unicodedata
from collections.abc import Iterable, Iterator, Sequence
from importlib.metadata import version
from typing import Any, Protocol

from kiwipiepy import Kiwi
from Stemmer import Stemmer

from haechi.runtime.environment import workers

CONTENT = ("NNG", "NNP", "NNB", "NR", "VV", "VA", "XR", "SL", "SH", "SN", "MAG")
_FOREIGN = ("SL", "SH")
_NARROW = {wide: wide - 0xFEE0 for wide in range(0xFF01, 0xFF5F)}  # Ａ is A
_STEM = Stemmer("english").stemWord
VERSION = 2
"""Raised whenever the same analysis would give other tokens."""


class Morpheme(Protocol):
    """What an analysis gives: Kiwi's own tokens, or whatever was kept of them."""

    @property
    def form(self) -> str:
        """As the dictionary has it."""

    @property
    def tag(self) -> str:
        """Part of speech."""


def versions() -> dict[str, str | int]:
    """What decides the words of a text beside the text and the user's dictionary."""
    return {
        "kiwi": version("kiwipiepy"),
        "model": version("kiwipiepy-model"),
        "stemmer": version("PyStemmer"),
        "tags": ",".join(CONTENT),
        "schema": VERSION,
    }


def kiwi(words: tuple[str, ...] = ()) -> Kiwi:
    """One analyser a process and user dictionary; workers come from HAECHI_WORKERS (they don't change results)."""
    return _kiwi(words)  # to a cache `kiwi()` and `kiwi(())` would be two, a second and 300 MB each


@functools.cache
def _kiwi(words: tuple[str, ...]) -> Kiwi:
    made = Kiwi(num_workers=workers())
    for word in words:
        made.add_user_word(word, "NNP")
    return made


def analyse(texts: Sequence[str], words: tuple[str, ...] = ()) -> Iterator[list[Any]]:
    """Kiwi's morphemes of each text, streamed; places are those in the text itself."""
    return iter(kiwi(words).tokenize(text.translate(_NARROW) for text in texts))


def content(morphemes: Iterable[Morpheme]) -> list[str]:
    """The content words among morphemes, in order."""
    return [plain(morpheme) for morpheme in morphemes if morpheme.tag.partition("-")[0] in CONTENT]  # VV-I is a verb too


def tokenize(texts: Sequence[str], words: tuple[str, ...] = ()) -> list[list[str]]:
    """Content words of each text, in order; nothing is stored."""
    return [content(morphemes) for morphemes in analyse(texts, words)]


def plain(morpheme: Morpheme) -> str:
    """The word that a morpheme stands for, however it is written: Latin and hanja in their plain form, English by its stem."""
    if morpheme.tag not in _FOREIGN:
        return morpheme.form
    return stem(unicodedata.normalize("NFKC", morpheme.form).lower())


def stem(word: str) -> str:
    """What the forms of an English word in small letters have in common: wells, well."""
    return str(_STEM(word))
