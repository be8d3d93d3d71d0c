"""Walk a folder of raw files and tell by content what each one is.

Reads JSON, JSONL, TXT and MD in UTF-8. Whatever can't be read becomes a `Dropped` with a short fixed reason and, in its
detail, what to do; nothing here raises but for an empty or missing folder. Hidden, README, LICENSE and .dvc files are
about the data and are passed over. Gives up other encodings and formats: they are named and counted, not converted.
"""

import os
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import orjson

from haechi.parsing.markdown import read_markdown
from haechi.records.dropped import Dropped
from haechi.runtime.errors import HaechiError

Kind = Literal["law", "admin", "precedent", "document", "query"]

UNREADABLE = frozenset(
    {"unreadable_file", "cp949", "not_utf8", "not_json", "empty_file", "wrong_top_level", "unknown_suffix", "unknown_type"}
    | {"missing_key", "wrong_type", "blank_key", "long_id"}
)
"""Reasons that say that a file (or line) is not what this library reads; others concern what it tells."""

_MARK = b"\xef\xbb\xbf"  # byte order mark
_HANGUL = re.compile("[가-힣]")
_BEYOND_ASCII = re.compile("[^\x00-\x7f]")


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
    return name.startswith((".", "readme", "license", "licence", "notice")) or name.endswith(".dvc")


def _read_file(folder: Path, source: str) -> Iterator[RawDocument | Dropped]:
    suffix = source.rsplit(".", 1)[-1].lower() if "." in source else ""
    if suffix not in ("json", "jsonl", "txt", "md"):
        yield Dropped(source, "", "unknown_suffix", "haechi reads .json .jsonl .txt .md: convert it or take it away")
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
        yield _read_text(source, data)


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
        return _other_encoding(data, wrong)
    return "not_json", f"is not JSON ({error.msg} at character {error.pos})"


def _recognise(source: str, position: str, value: Any) -> RawDocument | Dropped:
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
    return RawDocument(kind, source, position, value)


def _read_text(source: str, data: bytes) -> RawDocument | Dropped:
    try:
        text = data.decode()
    except UnicodeDecodeError as wrong:
        return Dropped(source, "", *_other_encoding(data, wrong))
    path = Path(source)
    title, text = read_markdown(text) if path.suffix.lower() == ".md" else ("", text)
    title = title or re.sub("[_-]+", " ", path.stem).strip()
    return RawDocument("document", source, "", {"docid": path.with_suffix("").as_posix(), "title": title, "content": text})


def _empty(source: str) -> Dropped:
    return Dropped(source, "", "empty_file", "is empty")


def _other_encoding(data: bytes, error: UnicodeDecodeError) -> tuple[str, str]:
    """CP949 (EUC-KR is a part of it) where most of what is not ASCII is Hangul then; much else can be read as CP949 too."""
    try:
        text = data.decode("cp949")
    except UnicodeDecodeError:
        text = ""
    if 2 * len(_HANGUL.findall(text)) > len(_BEYOND_ASCII.findall(text)):
        return "cp949", "is CP949: convert it with `iconv -f cp949 -t utf-8 OLD > NEW`"
    return "not_utf8", f"is not UTF-8 (byte {error.start}): save it as UTF-8"
