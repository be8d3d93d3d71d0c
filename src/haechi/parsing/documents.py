"""Generic documents: `{docid | id, content | text, title?}`, or a file of text or another format, whose path is its id."""

import re
from dataclasses import dataclass
from typing import Any

from haechi.parsing.content import Block
from haechi.parsing.json_fields import Malformed, filled_text, id_at, optional_text
from haechi.parsing.raw import RawDocument
from haechi.parsing.statute_types import Parsed
from haechi.records.dropped import Dropped
from haechi.text.normalize import clean, one_line


@dataclass(frozen=True, slots=True)
class Document:
    """A text with an id of the user's own."""

    docid: str
    title: str
    blocks: tuple[Block, ...]
    source: str

    @property
    def text(self) -> str:
        """All of it but the title."""
        return "\n".join(block.text for block in self.blocks)


def parse_document(raw: RawDocument) -> Parsed[Document]:
    """The document, or the reason why it is none."""
    value = raw.value
    try:
        given = value["docid" if "docid" in value else "id"]
        # People number their documents; a number is as good an id as a text here.
        docid = str(given) if type(given) is int else id_at({"docid": given}, "docid")
        title = one_line(optional_text(value, "title"))
        blocks = raw.content.blocks if raw.content else _one_block(value)
        if not blocks:
            raise Malformed("empty_document", f"has no text: {docid}")
    except Malformed as bad:
        return Parsed(None, 1, (Dropped(raw.source, raw.position, bad.reason, bad.detail),))
    # Spaces would split the id in a TREC run file.
    return Parsed(Document(re.sub(r"\s+", "_", clean(docid)), title, blocks, raw.source), 1, ())


def _one_block(value: dict[str, Any]) -> tuple[Block, ...]:
    text = clean(filled_text(value, "content" if "content" in value else "text"))
    return (Block("text", text),) if text else ()
