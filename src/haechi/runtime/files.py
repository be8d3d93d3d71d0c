"""The only reader and writer of files: JSON and JSONL through orjson, typed by msgspec, written atomically.

A writer writes beside its target and renames at the end, so a killed stage leaves the old file or none, never half of one.
Lines are streamed both ways: no file is held in memory unless the caller builds a list.
"""

import csv
import hashlib
import io
import os
import shutil
import tempfile
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO, TypeVar

import msgspec
import orjson

from haechi.runtime.errors import BadRecord, HaechiError, MissingFile

T = TypeVar("T")  # Python 3.11 has no `def f[T]` yet

NO_ROWS = "\n"


@dataclass(frozen=True)
class FileFacts:
    """What a manifest says of a file: how many rows it holds and which bytes."""

    rows: int
    sha256: str


@contextmanager
def atomic_file(path: Path) -> Iterator[BinaryIO]:
    """Open a temporary file beside `path`; rename it onto `path` if the block succeeds, remove it otherwise."""
    handle, temporary = _temporary_file(path)
    try:
        with os.fdopen(handle, "wb") as stream:
            yield stream
            stream.flush()
            os.fsync(stream.fileno())
        temporary.chmod(0o644)  # mkstemp makes files private; outputs are shared like any other
        temporary.replace(path)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise


@contextmanager
def atomic_folder(path: Path) -> Iterator[Path]:
    """Yield a temporary folder beside `path` that takes its place if the block succeeds.

    The old one is moved away whole: removing it in place could be cut short and leave half of it.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        work = Path(tempfile.mkdtemp(dir=path.parent, prefix=f".{path.name}.", suffix=".tmp"))
    except OSError as error:
        raise HaechiError(f"{path}: can't write here ({error.strerror})") from error
    new, old = work / "new", work / "old"
    try:
        new.mkdir()
        new.chmod(0o755)
        yield new
        if path.exists():
            path.rename(old)
        new.rename(path)
    finally:
        shutil.rmtree(work, ignore_errors=True)


def remove(path: Path) -> None:
    """Remove a file or a folder, if it is there."""
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)


def ensure_writable(*paths: Path) -> None:
    """Fail before the slow part if an output can't be written."""
    for path in paths:
        handle, temporary = _temporary_file(path)
        os.close(handle)
        temporary.unlink()


def read_yaml(path: Path) -> dict[str, Any]:
    """A YAML file that holds keys and values."""
    return parse_yaml(read_text(path), path)


def parse_yaml(text: str, name: Path) -> dict[str, Any]:
    """Keys and values, read as YAML 1.2: in 1.1 `5e-05`, which `dvc exp run -S train.lr=5e-5` writes, is a text."""
    from ruamel.yaml import YAML
    from ruamel.yaml.error import YAMLError

    try:
        value = YAML(typ="safe").load(text)
    except YAMLError as error:
        raise HaechiError(f"{name}: not YAML ({' '.join(str(error).split())})") from error
    if not isinstance(value, dict):
        raise HaechiError(f"{name}: should hold keys and values, found {type(value).__name__}")
    return value


def write_jsonl(path: Path, rows: Iterable[Any]) -> FileFacts:
    """Write dataclasses or dicts one a line, in the order given."""
    digest, count = hashlib.sha256(), 0
    with atomic_file(path) as stream:
        for row in rows:
            line = orjson.dumps(row, option=orjson.OPT_APPEND_NEWLINE)
            stream.write(line)
            digest.update(line)
            count += 1
    return FileFacts(count, digest.hexdigest())


def write_output(path: Path, rows: Iterable[Any]) -> FileFacts:
    """`write_jsonl` for an output of a stage: DVC warns of an empty file at each save, so without rows it holds an empty line."""
    facts = write_jsonl(path, rows)
    if not facts.rows:
        write_text(path, NO_ROWS)
    return facts


def read_json(path: Path) -> Any:
    """The value of a JSON file."""
    try:
        return orjson.loads(path.read_bytes())
    except FileNotFoundError as error:
        raise MissingFile(path) from error
    except orjson.JSONDecodeError as error:
        raise HaechiError(f"{path}: not JSON ({error})") from error


def read_record(path: Path, kind: type[T], what: str) -> T:
    """The one record of a JSON file; one that holds anything else is no such `what`."""
    try:
        return msgspec.convert(read_json(path), kind)
    except msgspec.ValidationError as error:
        raise HaechiError(f"{path}: not {what} ({error})") from error


def write_json(path: Path, value: Any) -> None:
    """Write a small JSON file for people and git: sorted keys, two spaces, newline at the end."""
    option = orjson.OPT_INDENT_2 | orjson.OPT_SORT_KEYS | orjson.OPT_APPEND_NEWLINE | orjson.OPT_NON_STR_KEYS
    with atomic_file(path) as stream:
        stream.write(orjson.dumps(value, option=option))


def read_text(path: Path) -> str:
    """The text of a file."""
    try:
        return path.read_text(encoding="utf-8")
    except FileNotFoundError as error:
        raise MissingFile(path) from error
    except UnicodeDecodeError as error:
        raise HaechiError(f"{path}: not UTF-8 (byte {error.start})") from error


def write_text(path: Path, text: str) -> None:
    """Write a text file."""
    with atomic_file(path) as stream:
        stream.write(text.encode())


def write_csv(path: Path, columns: Sequence[str], rows: Iterable[Mapping[str, Any]]) -> None:
    """Write a table with these columns; what a row lacks stays empty."""
    text = io.StringIO()
    writer = csv.DictWriter(text, columns, lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    write_text(path, text.getvalue())


def write_bytes(path: Path, data: bytes) -> None:
    """Write a binary file."""
    with atomic_file(path) as stream:
        stream.write(data)


def read_records(path: Path, kind: type[T]) -> Iterator[T]:
    """Stream the records of a JSONL file; a line that holds anything else is an error with its number."""
    try:
        stream = path.open("rb")
    except FileNotFoundError as error:
        raise MissingFile(path) from error
    with stream:
        for number, line in enumerate(stream, start=1):
            if number == 1 and line == NO_ROWS.encode():
                continue
            try:
                yield msgspec.convert(orjson.loads(line), kind)
            except orjson.JSONDecodeError as error:
                raise BadRecord(path, number, f"a {kind.__name__}", f"no JSON ({error})") from error
            except msgspec.ValidationError as error:
                raise BadRecord(path, number, f"a {kind.__name__}", str(error)) from error


def sha256_file(path: Path) -> str:
    """The sha256 of a file's bytes."""
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def sha256_value(value: Any) -> str:
    """The sha256 of a value as JSON with sorted keys."""
    return hashlib.sha256(orjson.dumps(value, option=orjson.OPT_SORT_KEYS)).hexdigest()


def sha256_folder(path: Path) -> str:
    """One sha256 over the names and bytes of all files of a folder."""
    digest = hashlib.sha256()
    for file in sorted(file for file in path.rglob("*") if file.is_file()):
        digest.update(f"{file.relative_to(path).as_posix()}\0{sha256_file(file)}\n".encode())
    return digest.hexdigest()


def size_told(size: float) -> str:
    """Bytes as people say them."""
    return f"{size / 1e9:,.1f} GB" if size >= 1e9 else f"{size / 1e6:,.0f} MB"


def _temporary_file(path: Path) -> tuple[int, Path]:
    """An open file beside `path`; whoever is killed leaves it under a name by which `locks` knows it."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.", suffix=".tmp")
    except OSError as error:
        raise HaechiError(f"{path}: can't write here ({error.strerror})") from error
    return handle, Path(name)


def linked(source: str | Path, target: str | Path) -> None:
    """Link it; copy it where the disk can't do that."""
    try:
        os.link(source, target)
    except OSError:
        shutil.copy2(source, target)
