"""Walk a folder of raw files and tell by content what each one is.

Reads JSON, JSONL, TXT, MD, CSV and TSV in UTF-8 or CP949 itself, and has `convert` read the others. Whatever can't be read
becomes a `Dropped` with a short fixed reason and, in its detail, what to do; nothing here raises but for an empty or missing
folder. Hidden, README, LICENSE and .dvc files are about the data and are passed over.
"""

import os
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import orjson

from haechi.parsing.content import Content
from haechi.parsing.convert import convert_all
from haechi.parsing.decode import decode
from haechi.parsing.delimited import read_rows
from haechi.parsing.formats import FORMATS
from haechi.parsing.json_fields import Malformed
from haechi.parsing.markdown import read_markdown
from haechi.records.dropped import Dropped
from haechi.runtime.errors import HaechiError

Kind = Literal["law", "admin", "precedent", "document", "query"]

UNREADABLE = frozenset(
    {"unreadable_file", "not_utf8", "not_json", "empty_file", "wrong_top_level", "unknown_suffix", "unknown_type"}
    | {"missing_key", "wrong_type", "blank_key", "long_id", "no_columns"}
    | {"needs_extra", "password", "no_text_layer", "wrong_format", "damaged_file", "too_large", "unpacks_too_large"}
    | {"took_too_long", "reader_died", "out_of_memory"}
)
"""Reasons that say that a file (or line) is not what this library reads; others concern what it tells."""

_MARK = b"\xef\xbb\xbf"  # byte order mark
_DELIMITERS = {"csv": ",", "tsv": "\t"}
_OWN = ("json", "jsonl", "txt", "md", *_DELIMITERS)
_SUFFIXES = " ".join(f".{suffix}" for suffix in (*_OWN, *(suffix for suffix in FORMATS if suffix != "htm")))


@dataclass(frozen=True, slots=True)
class RawDocument:
    """A parsed JSON value, or a text as `{docid, title, content}`; `position` is its place in a file of many."""

    kind: Kind
    source: str
    position: str
    value: dict[str, Any]
    content: Content | None = None
    """The blocks of a document that has a structure; `value` then holds id and title alone."""
    encoding: str = ""
    """What it was converted from, where it was not UTF-8."""


def read_raw(folder: Path) -> Iterator[RawDocument | Dropped]:
    """All documents under `folder`, files in the order of their relative paths."""
    if not folder.is_dir():
        raise HaechiError(f"{folder}: no such folder; put the raw documents there or pass another one")
    files = _files(folder)
    if not files:
        raise HaechiError(f"{folder}: no raw documents in it ({_SUFFIXES})")
    converted = convert_all(folder, [source for source in files if _suffix(source) in FORMATS])
    for source in files:
        read = converted.pop(source, None)
        if isinstance(read, Content):
            yield _document(source, source, read)
        elif read:
            yield read
        else:
            yield from _read_file(folder, source)


def place(source: str, position: str) -> str:
    """Where in the folder: `a.json`, `a.jsonl:3`, `a.json[0]`, `a.json 제3조`."""
    between = ":" if position.isdecimal() else "" if position[:1] in ("", "[") else " "
    return f"{source}{between}{position}"


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
    """By the whole name, so that a notice of 2024 is a document."""
    stem = name.split(".")[0]
    return stem in ("", "readme", "license", "licence", "notice") or name.endswith(".dvc")


def _suffix(source: str) -> str:
    name = source.rsplit("/", 1)[-1]
    return name.rsplit(".", 1)[-1].lower() if "." in name else ""


def _read_file(folder: Path, source: str) -> Iterator[RawDocument | Dropped]:
    suffix = _suffix(source)
    if suffix not in _OWN:
        yield Dropped(source, "", "unknown_suffix", f"haechi reads {_SUFFIXES}: convert it or take it away")
        return
    try:
        if suffix == "jsonl":
            yield from _read_lines(folder, source)
            return
        with open(f"{folder}/{source}", "rb", buffering=0) as stream:  # noqa: PTH123  # three times faster for small files
            data = stream.read().removeprefix(_MARK)
    except OSError as error:
        yield Dropped(source, "", "unreadable_file", f"can't be opened ({error.strerror})")
        return
    if not data.strip():
        yield _empty(source)
    elif suffix == "json":
        yield from _read_json(source, "", data)
    else:
        yield from _read_text(source, suffix, data)


def _read_lines(folder: Path, source: str) -> Iterator[RawDocument | Dropped]:
    empty = True
    with (folder / source).open("rb") as stream:
        for number, line in enumerate(stream, start=1):
            if (line.removeprefix(_MARK) if number == 1 else line).strip():
                empty = False
                yield from _read_json(source, str(number), line.removeprefix(_MARK))
    if empty:
        yield _empty(source)


def _read_json(source: str, position: str, data: bytes) -> Iterator[RawDocument | Dropped]:
    try:
        value, encoding = _parsed(data)
    except Malformed as bad:
        yield Dropped(source, position, bad.reason, bad.detail)
        return
    if isinstance(value, list) and value and not position:
        for index, inner in enumerate(value):
            yield _recognise(source, f"[{index}]", inner, encoding)
    else:
        yield _recognise(source, position, value, encoding)


def _parsed(data: bytes) -> tuple[Any, str]:
    """The value, and the encoding where it is not UTF-8."""
    try:
        return orjson.loads(data), ""
    except orjson.JSONDecodeError as error:
        text, encoding = decode(data)
        if not encoding:
            raise Malformed("not_json", f"is not JSON ({error.msg} at character {error.pos})") from error
    try:
        return orjson.loads(text), encoding
    except orjson.JSONDecodeError as error:
        raise Malformed("not_json", f"is not JSON ({error.msg} at character {error.pos})") from error


def _recognise(source: str, position: str, value: Any, encoding: str) -> RawDocument | Dropped:
    if not isinstance(value, dict):
        return Dropped(source, position, "wrong_top_level", f"holds a {type(value).__name__}, expected an object")
    # The service wraps a decision in one of these; the snapshot does not.
    for wrapper in ("PrecService", "판례"):
        if isinstance(value.get(wrapper), dict):
            value = value[wrapper]
    kind = kind_of(value)
    if kind is None:
        keys = ", ".join(value) or "none"
        return Dropped(source, position, "unknown_type", f"is no kind of README's `Your own documents`: its keys are {keys}")
    return RawDocument(kind, source, position, value, encoding=encoding)


def _read_text(source: str, suffix: str, data: bytes) -> Iterator[RawDocument | Dropped]:
    """A text is one document, a table a document a row."""
    try:
        text, encoding = decode(data)
        if suffix in _DELIMITERS:
            for line, value in read_rows(text, _DELIMITERS[suffix]):
                yield RawDocument("document", source, str(line), value, encoding=encoding)
            return
    except Malformed as bad:
        yield Dropped(source, "", bad.reason, bad.detail)
        return
    docid = Path(source).with_suffix("").as_posix()
    if suffix == "md":
        yield _document(docid, source, read_markdown(text), encoding)
    else:
        value = {"docid": docid, "title": _title_of(source), "content": text}
        yield RawDocument("document", source, "", value, encoding=encoding)


def _document(docid: str, source: str, read: Content, encoding: str = "") -> RawDocument:
    """The file's name is its title where it says none itself."""
    return RawDocument("document", source, "", {"docid": docid, "title": read.title or _title_of(source)}, read, encoding)


def _title_of(source: str) -> str:
    return re.sub("[_-]+", " ", Path(source).stem).strip()


def _empty(source: str) -> Dropped:
    return Dropped(source, "", "empty_file", "is empty")
