"""The tables, the version they carry, and how an older store becomes a current one."""

import sqlite3
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from haechi.rowstore.namespaces import ALL
from haechi.rowstore.sqlite_errors import PATIENCE
from haechi.runtime.errors import HaechiError
from haechi.runtime.progress import say

APPLICATION = 0x48414543  # "HAEC": tells a row store from any other SQLite file
VERSION = 2
PAGE = 8_192  # bytes; pages of 4 KiB would hold one vector of 1024 numbers each and waste the other half


@dataclass(frozen=True)
class Upgrade:
    """One step from a version to the next, done when a store of that version is opened."""

    name: str
    apply: Callable[[sqlite3.Connection], None]


def _make_table(db: sqlite3.Connection, name: str) -> None:
    db.execute(
        f"CREATE TABLE {name} (key BLOB PRIMARY KEY, value BLOB NOT NULL, "
        "sum INTEGER NOT NULL, origin INTEGER NOT NULL, cost REAL NOT NULL, made INTEGER NOT NULL)"
    )


UPGRADES: dict[int, Upgrade] = {
    1: Upgrade("a table for documents that were read from PDF, HWP and the like", lambda db: _make_table(db, "documents"))
}
"""The step that leaves each older version; version 1 is the first."""


def ready(db: sqlite3.Connection, path: Path) -> None:
    """Make the tables of a new file and upgrade an old one; refuse a foreign or a newer file and leave it as it was."""
    # in this order: another process may be making the tables between the two questions, and names them in the same breath
    if db.execute("SELECT 1 FROM sqlite_master").fetchone() and _number(db, "application_id") != APPLICATION:
        raise HaechiError(f"{path}: an SQLite file, but no row store; set HAECHI_STORE to another place")
    if (version := _number(db, "user_version")) > VERSION:
        raise HaechiError(
            f"{path}: a row store of version {version}, this haechi knows {VERSION}; use the newer haechi, "
            "or set HAECHI_STORE to another place"
        )
    db.execute(f"PRAGMA page_size = {PAGE}")  # of a new file; an old one keeps its own
    _switch_to_wal(db)
    db.execute("PRAGMA cache_size = -16384")  # 16 MB: with more nothing is faster, and a run fills one for each connection
    if version == VERSION:
        return
    db.execute("BEGIN IMMEDIATE")
    try:
        if (version := _number(db, "user_version")) == 0:  # another process may have been faster
            _create(db)
        while 0 < version < VERSION:
            say(f"{path}: {UPGRADES[version].name}")
            UPGRADES[version].apply(db)
            version += 1
            db.execute(f"PRAGMA user_version = {version}")
        db.execute("COMMIT")
    except BaseException:
        db.execute("ROLLBACK")
        raise


def _create(db: sqlite3.Connection) -> None:
    """All tables, in the transaction that the caller opened."""
    db.execute("CREATE TABLE origins (id INTEGER PRIMARY KEY, facts BLOB NOT NULL UNIQUE)")
    for namespace in ALL:
        _make_table(db, namespace.name)
    db.execute(f"PRAGMA application_id = {APPLICATION}")
    db.execute(f"PRAGMA user_version = {VERSION}")


def _switch_to_wal(db: sqlite3.Connection) -> None:
    deadline = time.monotonic() + PATIENCE
    while True:
        try:
            db.execute("PRAGMA journal_mode = WAL")
            return
        except sqlite3.OperationalError as error:  # SQLite doesn't wait here by itself
            if error.sqlite_errorname != "SQLITE_BUSY" or time.monotonic() > deadline:
                raise
            time.sleep(0.05)


def _number(db: sqlite3.Connection, pragma: str) -> int:
    return int(db.execute(f"PRAGMA {pragma}").fetchone()[0])
