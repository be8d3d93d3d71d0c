"""Rows of a CSV or TSV file as documents, by the names of its columns: id (or docid), text (or content), title."""

import csv
import io
from collections.abc import Iterator

from haechi.parsing.json_fields import Malformed

IDS, TEXTS = ("docid", "id"), ("content", "text")
_LONGEST_CELL = 2**31 - 1


def read_rows(text: str, delimiter: str) -> Iterator[tuple[int, dict[str, str]]]:
    """The line at which a row ends, and its document; rows without any text in them are passed over."""
    csv.field_size_limit(_LONGEST_CELL)
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=_delimiter(text, delimiter))
    try:
        names = [name.strip().lower() for name in next(reader, [])]
        wanted = {kind: next((names.index(name) for name in of if name in names), None) for kind, of in _COLUMNS.items()}
        if wanted["docid"] is None or wanted["content"] is None:
            seen = ", ".join(filter(None, names)) or "none"
            raise Malformed("no_columns", f"needs the columns `id` and `text`, named in its first line; it has {seen}")
        for row in reader:
            if any(cell.strip() for cell in row):
                yield reader.line_num, {kind: row[at] for kind, at in wanted.items() if at is not None and at < len(row)}
    except csv.Error as error:
        raise Malformed("damaged_file", f"has a row that can't be read (line {reader.line_num}: {error})") from error


_COLUMNS = {"docid": IDS, "title": ("title",), "content": TEXTS}


def _delimiter(text: str, usual: str) -> str:
    """Excel writes semicolons where the comma is a decimal mark."""
    first = text.partition("\n")[0]
    return ";" if usual == "," and "," not in first and ";" in first else usual
