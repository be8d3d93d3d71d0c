"""A PPTX file as blocks: a slide is a page, its title a heading, its notes the last paragraph of it.

Shapes are read from top to bottom. Gives up text in pictures and charts.
"""

import io
from collections.abc import Iterable, Iterator
from typing import Any

from haechi.parsing.content import Block, Content, content, heading, paragraph, table
from haechi.parsing.zip_archive import open_zip


def read_pptx(data: bytes) -> Content:
    """The slides in their order, hidden ones too; the title is that of a title slide."""
    import pptx

    open_zip(data, "ppt/presentation.xml").close()
    slides = pptx.Presentation(io.BytesIO(data)).slides
    return content("", (block for number, slide in enumerate(slides, start=1) for block in _slide(slide, number)))


def _slide(slide: Any, page: int) -> Iterator[Block]:
    from pptx.enum.shapes import PP_PLACEHOLDER

    title = slide.shapes.title
    if title is not None:
        whole = title.placeholder_format.type == PP_PLACEHOLDER.CENTER_TITLE
        yield heading(title.text_frame.text, 0 if whole and page == 1 else 1, page)
    for shape in _in_order(slide.shapes):
        if title is None or shape.shape_id != title.shape_id:
            yield from _shape(shape, page)
    if slide.has_notes_slide and (notes := slide.notes_slide.notes_text_frame) is not None:
        yield paragraph(notes.text, page)


def _shape(shape: Any, page: int) -> Iterator[Block]:
    if hasattr(shape, "shapes"):  # a group
        for inner in _in_order(shape.shapes):
            yield from _shape(inner, page)
    elif getattr(shape, "has_table", False):
        yield table(([cell.text for cell in row.cells] for row in shape.table.rows), page)
    elif shape.has_text_frame:
        yield from (paragraph(part.text, page) for part in shape.text_frame.paragraphs)


def _in_order(shapes: Iterable[Any]) -> list[Any]:
    """From top to bottom, then from left to right; a shape without a place of its own stays where the file has it."""
    return sorted(shapes, key=lambda shape: (shape.top or 0, shape.left or 0))
