"""One Kiwi analysis of a text, with places: the question writer reads sentences from it, BM25 its words."""

from collections.abc import Iterable, Iterator, Sequence
from typing import NamedTuple

from haechi.tokens import CONTENT, kiwi


class Token(NamedTuple):
    """A morpheme and where it stands."""

    form: str
    tag: str
    start: int
    len: int


def analyse(texts: Sequence[str]) -> Iterator[list[Token]]:
    """The morphemes of each text, in order; texts are streamed through the analyser."""
    for tokens in kiwi().tokenize(iter(texts)):
        yield [Token(t.form, t.tag, t.start, t.len) for t in tokens]


def content(tokens: Iterable[Token]) -> list[str]:
    """The content words that `haechi.tokens.tokenize` gives for the same text."""
    return [token.form for token in tokens if token.tag.split("-")[0] in CONTENT]
