"""The shape of one Kiwi analysis that the question writer reads: morphemes with their places in the text."""

from collections.abc import Iterator, Sequence
from typing import NamedTuple

from haechi import tokens


class Token(NamedTuple):
    """A morpheme and where it stands."""

    form: str
    tag: str
    start: int
    len: int


def analyse(texts: Sequence[str]) -> Iterator[list[Token]]:
    """The morphemes of each text, in order, streamed."""
    for found in tokens.analyse(texts):
        yield [Token(t.form, t.tag, t.start, t.len) for t in found]
