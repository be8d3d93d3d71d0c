"""Reads what is to be embedded: a JSONL of objects, or any other file as one text a line."""

from collections.abc import Iterator
from pathlib import Path

import orjson

from haechi.runtime.errors import BadRecord, HaechiError
from haechi.serving.vectors import Row


def read_texts(path: Path, id_field: str, text_field: str) -> Iterator[Row]:
    """Ids and texts in the order of the file; a line without them is an error with its number.

    In a file of plain lines the number of the line is its id, and empty lines are passed over.
    """
    objects = path.suffix in (".jsonl", ".ndjson")
    try:
        stream = path.open("rb")
    except OSError as error:
        raise HaechiError(f"{path}: can't be read ({error.strerror})") from error
    with stream:
        for number, line in enumerate(stream, start=1):
            if not line.strip():
                continue
            yield _object(path, number, line, id_field, text_field) if objects else _line(path, number, line)


def _object(path: Path, number: int, line: bytes, id_field: str, text_field: str) -> Row:
    try:
        value = orjson.loads(line)
    except orjson.JSONDecodeError as error:
        raise BadRecord(path, number, "a JSON object", f"no JSON ({error})") from error
    if not isinstance(value, dict):
        raise BadRecord(path, number, "a JSON object", type(value).__name__)
    id, text = value.get(id_field), value.get(text_field)
    if not isinstance(id, str | int) or isinstance(id, bool) or str(id).splitlines() != [str(id)]:
        raise BadRecord(path, number, f"an id of one line under {id_field!r}", _what(id, value))
    if not isinstance(text, str):
        raise BadRecord(path, number, f"a text under {text_field!r}", _what(text, value))
    return Row(str(id), text)


def _line(path: Path, number: int, line: bytes) -> Row:
    try:
        return Row(str(number), line.decode().strip().removeprefix("\ufeff"))
    except UnicodeDecodeError as error:
        raise BadRecord(path, number, "UTF-8", f"other bytes ({error.reason})") from error


def _what(value: object, whole: dict[str, object]) -> str:
    return f"{value!r:.40}" if value is not None else f"only {', '.join(whole)}"[:120]
