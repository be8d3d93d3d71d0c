"""SQLite's errors as one sentence that says what to do."""

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from haechi.runtime.errors import HaechiError

PATIENCE = 60.0
"""Seconds that a process waits for another one's writing to end."""

_DAMAGED = (
    "no row store, or a damaged one; move it away (all but paid rows are made again, those come back with `haechi rows import`)"
)
_REMEDIES = {
    "SQLITE_NOTADB": _DAMAGED,
    "SQLITE_CORRUPT": _DAMAGED,
    "SQLITE_FULL": "the disk is full; nothing of the open batch was written, what was there is whole",
    "SQLITE_READONLY": "the row store is read-only; make it writable or set HAECHI_STORE to another place",
    "SQLITE_CANTOPEN": "the row store can't be opened; make the folder writable or set HAECHI_STORE to another place",
    "SQLITE_BUSY": f"another process has been writing for {PATIENCE:.0f} s; see `haechi doctor`, or wait and run again",
    "SQLITE_IOERR": "the disk failed while the row store was read or written; what was committed is whole",
}


@contextmanager
def plain_errors(path: Path) -> Iterator[None]:
    """Whatever SQLite or the disk has against it, said of this file."""
    try:
        yield
    except sqlite3.Error as error:
        code = getattr(error, "sqlite_errorname", "") or ""
        raise HaechiError(f"{path}: {_REMEDIES.get('_'.join(code.split('_')[:2]), str(error))}") from error
    except OSError as error:
        raise HaechiError(
            f"{path}: the row store can't be kept here ({error.strerror}); set HAECHI_STORE to another place"
        ) from error
