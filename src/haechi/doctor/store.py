"""The row store, looked at without writing to it."""

import sqlite3
import time
from pathlib import Path

from haechi.doctor.finding import Finding
from haechi.rowstore.namespaces import ALL
from haechi.rowstore.schema import APPLICATION, VERSION

PATIENCE = 5.0
"""Seconds that the integrity check may take; `haechi rows verify` looks at everything."""


def check_store(path: Path, patience: float = PATIENCE) -> Finding:
    """Openable, ours, of a version that we know, and sound as far as SQLite can tell in a few seconds."""
    if not path.exists():
        return Finding("row store", "ok", f"none yet; the first run makes {path}")
    try:
        db = sqlite3.connect(f"{path.resolve().as_uri()}?mode=ro", uri=True)
        try:
            return _look(db, path, patience)
        finally:
            db.close()
    except sqlite3.Error as error:
        code = getattr(error, "sqlite_errorname", "")
        if code in ("SQLITE_NOTADB", "SQLITE_CORRUPT"):
            return _damaged(path, str(error))
        return Finding(
            "row store", "fail", f"{path} can't be opened ({error})", "mind the rights of the file, or set HAECHI_STORE"
        )


def _look(db: sqlite3.Connection, path: Path, patience: float) -> Finding:
    application, version = (int(db.execute(f"PRAGMA {name}").fetchone()[0]) for name in ("application_id", "user_version"))
    if application != APPLICATION:
        return Finding("row store", "fail", f"{path} is an SQLite file, but no row store", "set HAECHI_STORE to another place")
    if version > VERSION:
        remedy = "use the newer haechi, or set HAECHI_STORE to another place"
        return Finding("row store", "fail", f"{path} has version {version}, this haechi knows {VERSION}", remedy)
    deadline = time.monotonic() + patience
    db.set_progress_handler(lambda: time.monotonic() > deadline, 100_000)
    try:
        answers = [str(row[0]) for row in db.execute("PRAGMA quick_check(3)")]
        counts = [db.execute(f"SELECT count(*) FROM {namespace.name}").fetchone()[0] for namespace in ALL]  # noqa: S608  # our names
    except sqlite3.OperationalError as error:
        if getattr(error, "sqlite_errorname", "") != "SQLITE_INTERRUPT":
            raise
        size = path.stat().st_size / 1e9
        return Finding(
            "row store", "ok", f"{path}, {size:.1f} GB; too large for a quick check, `haechi rows verify` looks at all"
        )
    if answers != ["ok"]:
        return _damaged(path, "; ".join(answers))
    return Finding("row store", "ok", f"{path}, {sum(counts):,} rows, {path.stat().st_size / 1e6:,.1f} MB")


def _damaged(path: Path, why: str) -> Finding:
    remedy = "move it away; paid rows come back with `haechi rows import`, all others are made again"
    return Finding("row store", "fail", f"{path} is damaged ({why.splitlines()[0]})", remedy)
