"""A passage: what a retriever finds."""

from dataclasses import dataclass
from typing import Literal

PassageType = Literal["law", "admin", "prec", "doc"]


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

    @property
    def body(self) -> str:
        """The text below the header line; an untitled document has no header."""
        header = self.title if self.type == "doc" else self.text.partition("\n")[0]
        return self.text.removeprefix(f"{header}\n")
