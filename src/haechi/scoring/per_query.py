"""Results query by query, in git: one JSON list, a row a line, so that a diff shows which query changed.

`dvc.yaml` declares these files as metrics, since DVC keeps no run-cache entry for a stage with an output in git that is neither
metric nor plot: whoever returned to earlier parameters would select and evaluate again. In a list DVC finds no figures to show.
"""

from collections.abc import Iterable
from pathlib import Path
from typing import Any, TypeVar

import msgspec
import orjson

from haechi.runtime.errors import HaechiError, MissingFile
from haechi.runtime.files import write_bytes

T = TypeVar("T")


def write_rows(path: Path, rows: Iterable[Any]) -> None:
    """Write dataclasses in the order given."""
    write_bytes(path, b"[\n" + b",\n".join(orjson.dumps(row) for row in rows) + b"\n]\n")


def parse_rows(content: bytes, kind: type[T]) -> list[T]:
    """The rows of such a file; raises what orjson and msgspec raise."""
    return [msgspec.convert(row, kind) for row in msgspec.convert(orjson.loads(content), list)]


def read_rows(path: Path, kind: type[T]) -> list[T]:
    """The rows of a file of this checkout."""
    try:
        return parse_rows(path.read_bytes(), kind)
    except FileNotFoundError as error:
        raise MissingFile(path) from error
    except (orjson.JSONDecodeError, msgspec.ValidationError) as error:
        raise HaechiError(f"{path}: expected a list of {kind.__name__}, found {error}") from error
