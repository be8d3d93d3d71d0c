"""A text in English and in Korean: what stands on pages, and what terminals print in English alone."""

from collections.abc import Iterable
from typing import NamedTuple


class Words(NamedTuple):
    """The same in both languages."""

    en: str
    ko: str


CLAUSES = Words("; ", ". ")
"""Between two clauses."""


def same(text: str) -> Words:
    """A name that is the same in both languages."""
    return Words(text, text)


def joined(parts: Iterable[Words], between: Words) -> Words:
    """One after the other."""
    parts = list(parts)
    return Words(between.en.join(part.en for part in parts), between.ko.join(part.ko for part in parts))
