"""A text in English and in Korean: what stands on pages, and what terminals print in English alone."""

from collections.abc import Iterable
from typing import NamedTuple


class Words(NamedTuple):
    """The same in both languages."""

    en: str
    ko: str


def same(text: str) -> Words:
    """A name that is the same in both languages."""
    return Words(text, text)


def joined(parts: Iterable[Words], between: str) -> Words:
    """One after the other."""
    parts = list(parts)
    return Words(between.join(part.en for part in parts), between.join(part.ko for part in parts))
