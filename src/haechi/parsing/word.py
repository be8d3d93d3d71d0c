"""A DOCX file as blocks: headings by their outline level, paragraphs and tables in the order of the text.

Gives up headers and footers, notes, text boxes and the numbers that Word makes by itself; macros and links are never followed.
"""

import io
from collections.abc import Iterator
from functools import partial
from typing import Any

from haechi.parsing.content import Block, Content, content, heading, paragraph, table
from haechi.parsing.zip_archive import open_zip

_DEEPEST = 9  # Word's outline level of plain text


def read_docx(data: bytes) -> Content:
    """The document; its title is the paragraph in the style of one, else the only widest heading."""
    import docx

    open_zip(data, "word/document.xml").close()
    document = docx.Document(io.BytesIO(data))
    return content("", _blocks(document))


def _blocks(document: Any) -> Iterator[Block]:
    from docx.table import Table

    levels: dict[str | None, int | None] = {}
    for part in document.iter_inner_content():
        if isinstance(part, Table):
            yield table(map(_cells, part.rows))
            continue
        named = part._p.style
        if named not in levels:
            levels[named] = _style_level(part.style)
        own = _own_level(part._p)
        level = levels[named] if own is None else own
        make = paragraph if level is None or level >= _DEEPEST else partial(heading, level=level)
        yield make(part.text)


def _cells(row: Any) -> list[str]:
    """Merged cells are one in a row."""
    kept: list[Any] = []
    for cell in row.cells:
        if not kept or cell._tc is not kept[-1]._tc:
            kept.append(cell)
    return [cell.text for cell in kept]


def _own_level(element: Any) -> int | None:
    """The level that the paragraph or style says itself, from 1."""
    given = element.xpath("./w:pPr/w:outlineLvl/@w:val")
    return int(given[0]) + 1 if given and given[0].isdecimal() else None


def _style_level(style: Any) -> int | None:
    """The level of a style or of those it is based on: that of its outline, else of its name."""
    seen = 0
    while style is not None and seen < 20:
        name = style.name or ""
        if name == "Title":
            return 0
        if (level := _own_level(style.element)) is not None:
            return level
        if name.startswith("Heading ") and name[8:].isdecimal():
            return int(name[8:])
        style, seen = style.base_style, seen + 1
    return None
