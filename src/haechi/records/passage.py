"""A passage: what a retriever finds."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, fields
from typing import Any, Literal

PassageType = Literal["law", "admin", "prec", "doc"]
HEADINGS = " > "
"""Between the title of a document and the headings that a passage stands below."""


@dataclass(frozen=True, slots=True)
class Passage:
    """One retrievable text with an id built from its source's own keys.

    `article_key` is the gold unit (article, rule article or annex, decision, document): several passages may share it.
    `text` is what a model sees: a header line (law, chapter, title), then the body without amendment tags.
    """

    id: str
    parent_id: str
    article_key: str
    type: PassageType
    text: str
    title: str
    law_name: str
    article: str
    """The label as people write it: 제12조의2, 별표 1; empty for documents and decisions."""
    date: str
    """Effective date of a law or rule, date of a decision (YYYYMMDD); empty if unknown."""
    source: str
    """The raw file that it was read from, relative to the raw folder."""
    twins: tuple[str, ...] = ()
    """Ids of passages with the same body: they answer the same questions and are never negatives of each other."""

    page: int = 0
    """The page that it begins on, from 1; 0 where the source has no pages."""

    @property
    def body(self) -> str:
        """The text below the header line; an untitled document has no header."""
        return self.text.removeprefix(f"{self.header}\n")

    @property
    def header(self) -> str:
        """The line above the body: of a document its title and headings."""
        line = self.text.partition("\n")[0]
        if self.type != "doc" or (self.title and line.startswith(f"{self.title}{HEADINGS}")):
            return line
        return self.title


def rows(passages: Iterable[Passage]) -> Iterator[dict[str, Any]]:
    """What a file of passages holds: a page only where there is one, so that corpora without pages keep their bytes."""
    names = [field.name for field in fields(Passage)]
    for passage in passages:
        yield {name: getattr(passage, name) for name in names if name != "page" or passage.page}
