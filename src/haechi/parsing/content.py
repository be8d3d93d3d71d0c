"""The one shape that every format of a document becomes: a title, and blocks that are a heading, a paragraph or a table.

Gives up what a reader does not see as text (pictures, colours, the place of a column) and tables of contents with their dots.
"""

import re
import unicodedata
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal

LONGEST_HEADING = 120
"""Characters: whatever is longer is a paragraph that looks like a heading."""
_CHAPTER = re.compile(r"제\s*\d+\s*(편|장|절|관)(?:\s*의\s*\d+)?(?=\s|$|\()")
_LEVELS = {"편": 1, "장": 2, "절": 3, "관": 4}
_CHAPTER_LENGTH = 40
_CONTROL = re.compile(r"[\x00-\x08\x0e-\x1b\x7f\u00ad\u200b-\u200f\u2060\ufeff\ufffe\uffff\ud800-\udfff]")
_LEADER = re.compile(r"(?:[.·∙‧․…‥ㆍ]\s?){4,}\s*[\divxlc]{1,4}$|…{2,}\s*\d{1,4}$")
_END = re.compile(r"[.?!。:;,]$")


@dataclass(frozen=True, slots=True)
class Block:
    """A piece of a document; its text is one line for a heading, and one line a row for a table."""

    kind: Literal["heading", "text", "table"]
    text: str
    level: int = 0
    """Of a heading: 1 is the widest; 0 is the title of the whole."""
    page: int = 0
    """From 1; 0 where the format has no pages."""


@dataclass(frozen=True, slots=True)
class Content:
    """A document as read; the title is empty where the format does not say it."""

    title: str
    blocks: tuple[Block, ...]

    @property
    def text(self) -> str:
        """Everything but the title, as one text."""
        return "\n".join(block.text for block in self.blocks)


def heading(text: str, level: int, page: int = 0) -> Block:
    """A heading; a paragraph where it is too long for one."""
    line = plain(text).replace("\n", " ")
    return Block("heading", line, level, page) if len(line) <= LONGEST_HEADING else Block("text", line, 0, page)


def paragraph(text: str, page: int = 0) -> Block:
    """A paragraph of plain text: what looks like a tag in it is text."""
    return Block("text", plain(text), 0, page)


def table(rows: Iterable[Sequence[str]], page: int = 0) -> Block:
    """A table, its cells side by side, without blank rows; a lone cell is a box around a paragraph."""
    cells = [[plain(cell) for cell in row] for row in rows]
    filled = [cell for row in cells for cell in row if cell]
    if len(filled) == 1:
        return Block("text", filled[0], 0, page)
    lines = (" | ".join(cell.replace("\n", " ") for cell in row) for row in cells if any(row))
    return Block("table", "\n".join(lines), 0, page)


def in_contents(line: str) -> bool:
    """Whether it is a line of a table of contents, whose dots lead to a page: found for its heading, it would answer nothing."""
    return _LEADER.search(line) is not None and "\n" not in line


def plain(text: str) -> str:
    """Text that has no markup of its own, without control characters, blank lines and runs of spaces."""
    lines = (" ".join(_CONTROL.sub("", line).split()) for line in text.splitlines())
    return unicodedata.normalize("NFC", "\n".join(filter(None, lines)))


def content(title: str, blocks: Iterable[Block]) -> Content:
    """Filled blocks under a title: the given one, else the one heading that stands above all others."""
    kept = [block for block in blocks if block.text.strip() and not in_contents(block.text)]
    headings = [block for block in kept if block.kind == "heading"]
    if not headings:
        kept = list(_with_chapters(kept))
    title = plain(title).replace("\n", " ")
    if headings and (title == headings[0].text or (not title and _stands_above(headings))):
        title = headings[0].text
        kept.remove(headings[0])
    return Content(title, tuple(kept))


def packed(read: Content) -> dict[str, Any]:
    """As JSON, for the row store and from a worker."""
    return {"title": read.title, "blocks": [[block.kind, block.text, block.level, block.page] for block in read.blocks]}


def unpacked(value: Mapping[str, Any]) -> Content:
    """What `packed` packed."""
    return Content(value["title"], tuple(Block(*fields) for fields in value["blocks"]))


def _stands_above(headings: Sequence[Block]) -> bool:
    first, *others = headings
    return all(other.level > first.level for other in others)


def _with_chapters(blocks: Iterable[Block]) -> Iterator[Block]:
    """Korean regulations number their chapters, so where nothing is marked as a heading, 제1장 총칙 on a line of its own is."""
    for block in blocks:
        line = block.text
        found = _CHAPTER.match(line) if block.kind == "text" and len(line) <= _CHAPTER_LENGTH and not _END.search(line) else None
        yield replace(block, kind="heading", level=_LEVELS[found[1]]) if found and "\n" not in line else block
