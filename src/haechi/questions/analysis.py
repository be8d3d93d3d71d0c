"""One Kiwi analysis of a text, with places: the question writer reads sentences from it, BM25 its words."""

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
    """The morphemes of each text, in order; texts are streamed through the analyser."""
    for morphemes in tokens.analyse(texts):
        yield [Token(m.form, m.tag, m.start, m.len) for m in morphemes]
