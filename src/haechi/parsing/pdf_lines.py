"""The lines of a PDF page as pdfium orders them, with their place and the size of their print. Joins no lines."""

import ctypes
import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

_HYPHENS = (0x2, 0xFFFE)  # what pdfium gives for a hyphen at the end of a line


@dataclass(frozen=True, slots=True)
class Line:
    """A line of a page: where its ends are, in points from the lower left corner, and how large its print is."""

    text: str
    page: int
    left: float
    right: float
    top: float
    bottom: float
    size: float


def page_lines(document: Any, number: int) -> Iterator[Line]:
    """The lines of the page of that number (from 0) that hold text."""
    page = document[number]
    text = page.get_textpage()
    try:
        yield from _PageText(text, number + 1).lines()
    finally:
        text.close()
        page.close()


class _PageText:
    """Characters of a page: code, box and size of each."""

    def __init__(self, text: Any, page: int) -> None:
        import pypdfium2.raw

        self._raw: Any = pypdfium2.raw
        self._text, self._page = text, page

    def lines(self) -> Iterator[Line]:
        """A line ends where pdfium puts a line break."""
        unicode, text = self._raw.FPDFText_GetUnicode, self._text
        codes = [unicode(text, at) for at in range(self._raw.FPDFText_CountChars(text))]
        start = 0
        for at, code in enumerate([*codes, 10]):
            if code in (10, 13):
                solid = [place for place in range(start, at) if codes[place] > 32]
                if solid:
                    yield self._line(codes[start:at], solid)
                start = at + 1

    def _line(self, codes: Sequence[int], solid: Sequence[int]) -> Line:
        words = "".join("-" if code in _HYPHENS else chr(code) for code in codes if code and not 0xD800 <= code < 0xE000)
        left, _, bottom, top = self._box(solid[0])
        _, right, last_bottom, last_top = self._box(solid[-1])
        size = self._size(solid[len(solid) // 2])
        return Line(" ".join(words.split()), self._page, left, right, max(top, last_top), min(bottom, last_bottom), size)

    def _box(self, at: int) -> tuple[float, float, float, float]:
        """Left, right, bottom and top of a character with its line's height, not only of its ink."""
        box = self._raw.FS_RECTF()
        self._raw.FPDFText_GetLooseCharBox(self._text, at, ctypes.byref(box))
        return box.left, box.right, box.bottom, box.top

    def _size(self, at: int) -> float:
        """Points, to the half: the size of the font as the page scales it."""
        matrix = self._raw.FS_MATRIX()
        self._raw.FPDFText_GetMatrix(self._text, at, ctypes.byref(matrix))
        scale = math.hypot(matrix.c, matrix.d) or 1.0
        return round(2 * scale * float(self._raw.FPDFText_GetFontSize(self._text, at))) / 2
