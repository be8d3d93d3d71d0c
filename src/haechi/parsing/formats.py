"""The formats that become `Content`, and the one function that reads any of them; which library reads what is said here.

Their readers import libraries inside functions: nothing of the extra `documents` is loaded where no such file is.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from haechi.parsing.content import Content, packed
from haechi.parsing.epub import read_epub
from haechi.parsing.html_blocks import read_html
from haechi.parsing.hwp import read_hwp
from haechi.parsing.json_fields import Malformed
from haechi.parsing.pdf import read_pdf
from haechi.parsing.sheets import read_xlsx
from haechi.parsing.slides import read_pptx
from haechi.parsing.word import read_docx


@dataclass(frozen=True)
class Format:
    """How files of one suffix are read."""

    read: Callable[[bytes], Content]
    packages: tuple[str, ...] = ()
    """What the extra `documents` installs for it."""
    version: int = 1
    """Raised when the reader gives something else for the same bytes."""


FORMATS: Mapping[str, Format] = {
    "pdf": Format(read_pdf, ("pypdfium2",)),
    "docx": Format(read_docx, ("python-docx", "lxml")),
    "pptx": Format(read_pptx, ("python-pptx", "lxml")),
    "xlsx": Format(read_xlsx, ("python-calamine",)),
    "hwp": Format(read_hwp, ("dochan",)),
    "hwpx": Format(read_hwp, ("dochan",)),
    "epub": Format(read_epub, ("lxml",)),
    "html": Format(read_html),
    "htm": Format(read_html),
}


def convert(name: str, data: bytes) -> dict[str, Any]:
    """The content as JSON, or reason and detail: run in a worker, where a library may do what it likes with a broken file."""
    try:
        return packed(FORMATS[name].read(data))
    except Malformed as bad:
        return {"reason": bad.reason, "detail": bad.detail}
    except MemoryError:
        return {"reason": "out_of_memory", "detail": "takes more memory than a document may: divide it"}
    except Exception as error:  # libraries raise whatever a damaged file makes them stumble over
        return {"reason": "damaged_file", "detail": f"can't be read ({type(error).__name__}): save it again"}
