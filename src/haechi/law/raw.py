"""Walk a folder of raw files and tell by content what each one is.

Reads JSON, JSONL, TXT and MD in UTF-8. Whatever can't be read becomes a `Dropped` with a short fixed reason; nothing
here raises but for an empty or missing folder. Hidden, README, LICENSE and .dvc files are about the data and are
passed over. Gives up other encodings and formats: they are named and counted, not guessed.
"""

import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import orjson

from haechi.errors import HaechiError
from haechi.records.dropped import Dropped

Kind = Literal["law", "admin", "precedent", "document", "query"]

UNREADABLE = frozenset(
    {"unreadable_file", "not_utf8", "not_json", "empty_file", "wrong_top_level", "unknown_type"}
    | {"missing_key", "wrong_type", "blank_key"}
)
"""Reasons that say that a file (or line) is not what this library reads; others concern what it tells."""

_MARK = b"\xef\xbb\xbf"  # byte order mark
_EXCERPT = 120  # characters of a detail


@dataclass(frozen=True, slots=True)
class RawDocument:
    """A parsed JSON value, or a text as `{docid, title, content}`; `position` is its place in a file of many."""

    kind: Kind
    source: str
    position: str
    value: dict[str, Any]


def read_raw(folder: Path) -> Iterator[RawDocument | Dropped]:
    """All documents under `folder`, files in the order of their relative paths."""
    if not folder.is_dir():
        raise HaechiError(f"{folder}: no such folder; put the raw documents there or pass another one")
    files = _files(folder)
    if not files:
        raise HaechiError(f"{folder}: no raw documents in it (JSON, JSONL, TXT or MD)")
    for source in files:
        yield from _read_file(folder, source)


def kind_of(value: dict[str, Any]) -> Kind | None:
    """What a JSON object is, by its keys."""
    if "법령" in value:
        return "law"
    if "AdmRulService" in value:
        return "admin"
    if "판례일련번호" in value or "판례정보일련번호" in value:
        return "precedent"
    if "query" in value and "positives" in value:
        return "query"
    if ("docid" in value or "id" in value) and ("content" in value or "text" in value):
        return "document"
    return None


def _files(folder: Path) -> list[str]:
    found: list[str] = []
    for directory, folders, names in os.walk(folder):
        folders[:] = [name for name in folders if not name.startswith(".")]
        base = Path(directory).relative_to(folder)
        found += [(base / name).as_posix() for name in names if not _is_about_the_data(name.lower())]
    return sorted(found)


def _is_about_the_data(name: str) -> bool:
    return name.startswith((".", "readme", "license", "licence", "notice")) or name.endswith(".dvc")


def _read_file(folder: Path, source: str) -> Iterator[RawDocument | Dropped]:
    suffix = source.rsplit(".", 1)[-1].lower() if "." in source else ""
    if suffix not in ("json", "jsonl", "txt", "md"):
        yield Dropped(source, "", "unknown_type", f"suffix {suffix!r}, expected json, jsonl, txt or md")
        return
    try:
        if suffix == "jsonl":
            yield from _read_lines(folder, source)
            return
        with open(f"{folder}/{source}", "rb", buffering=0) as stream:  # noqa: PTH123  # three times faster for small files
            data = stream.read().removeprefix(_MARK)
    except OSError as error:
        yield Dropped(source, "", "unreadable_file", str(error.strerror))
        return
    if not data.strip():
        yield Dropped(source, "", "empty_file")
    elif suffix == "json":
        yield from _read_json(source, "", data)
    else:
        yield _read_text(source, data)


def _read_lines(folder: Path, source: str) -> Iterator[RawDocument | Dropped]:
    empty = True
    with (folder / source).open("rb") as stream:
        for number, line in enumerate(stream, start=1):
            if (line.removeprefix(_MARK) if number == 1 else line).strip():
                empty = False
                yield from _read_json(source, str(number), line.removeprefix(_MARK))
    if empty:
        yield Dropped(source, "", "empty_file")


def _read_json(source: str, position: str, data: bytes) -> Iterator[RawDocument | Dropped]:
    try:
        value = orjson.loads(data)
    except orjson.JSONDecodeError as error:
        yield Dropped(source, position, *_why_not_json(data, error))
        return
    if isinstance(value, list) and value and not position:
        for index, inner in enumerate(value):
            yield _recognise(source, f"[{index}]", inner)
    else:
        yield _recognise(source, position, value)


def _why_not_json(data: bytes, error: orjson.JSONDecodeError) -> tuple[str, str]:
    try:
        data.decode()
    except UnicodeDecodeError as wrong:
        return "not_utf8", f"byte {wrong.start}"
    return "not_json", f"{error.msg} at character {error.pos}"


def _recognise(source: str, position: str, value: Any) -> RawDocument | Dropped:
    if not isinstance(value, dict):
        return Dropped(source, position, "wrong_top_level", f"{type(value).__name__}, expected an object")
    # The service wraps a decision in one of these; the snapshot does not.
    for wrapper in ("PrecService", "판례"):
        if isinstance(value.get(wrapper), dict):
            value = value[wrapper]
    kind = kind_of(value)
    if kind is None:
        return Dropped(source, position, "unknown_type", f"keys {', '.join(value)}"[:_EXCERPT])
    return RawDocument(kind, source, position, value)


def _read_text(source: str, data: bytes) -> RawDocument | Dropped:
    try:
        text = data.decode()
    except UnicodeDecodeError as wrong:
        return Dropped(source, "", "not_utf8", f"byte {wrong.start}")
    path = Path(source)
    name = path.with_suffix("").as_posix()
    return RawDocument("document", source, "", {"docid": name, "title": path.stem, "content": text})
