"""An HWP 5 or HWPX file (한글) as blocks, read by dochan: headings by outline, style and print, tables, boxes.

Files for distribution only (배포용) are read too. Gives up headers, footers, notes, equations and pictures.
"""

import tempfile
from collections.abc import Iterator
from typing import Any

from haechi.parsing.content import Block, Content, content, heading, paragraph, table
from haechi.parsing.json_fields import Malformed
from haechi.parsing.zip_archive import open_zip

_HWP_97 = b"HWP Document File"
_ZIP = b"PK\x03\x04"
_ERROR, _LOCKED = "ERR", "암호"
_SPELLED_ALONE = str.maketrans({"\uf53a": "한"})  # in Hancom's own letters, as in the name of the program


def read_hwp(data: bytes) -> Content:
    """The sections in their order, or why they can't be read; which of both formats it is, the bytes tell."""
    from dochan import Dochan

    if data.startswith(_HWP_97):
        raise Malformed("wrong_format", "is of 한글 97 or older: save it as HWP 5 or HWPX")
    if data.startswith(_ZIP):  # checked for its size before dochan unpacks it
        open_zip(data, "Contents/header.xml").close()
    with tempfile.NamedTemporaryFile(suffix=".hwp") as file:  # dochan takes a path
        file.write(data)
        file.flush()
        read = Dochan(file.name)
    if errors := [error for error in read.errors if error.startswith(_ERROR)]:
        if _LOCKED in errors[0]:
            raise Malformed("password", "asks for a password, or is protected against copying: save it without")
        raise Malformed("damaged_file", "is no HWP file that can be read: save it again")
    return content("", (block for section in read.doc.sections for part in section.elements for block in _blocks(part)))


def _blocks(part: Any) -> Iterator[Block]:
    from dochan.model.document import Paragraph
    from dochan.model.table import Table

    if isinstance(part, Table):
        rows = ([cell for cell in row if not cell.is_merged_away] for row in part.rows)
        yield table([_text(cell) for cell in row] for row in rows)
    elif isinstance(part, Paragraph):
        yield heading(_text(part), part.heading_level) if part.heading_level else paragraph(_text(part))


def _text(part: Any) -> str:
    return str(part.text).translate(_SPELLED_ALONE)
