"""One SQLite file of rows that were costly to make: looked up in bulk, written through per batch.

Safe under several processes (WAL, one writer at a time, each waits) and under kill -9 (a batch is there or it isn't).
The first writer of a key wins and everyone reads that row, so a value never changes once someone has used it.
"""

import itertools
import os
import sqlite3
import sys
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple

import orjson

from haechi.rowstore import encoding, schema
from haechi.rowstore.namespaces import Namespace
from haechi.rowstore.sqlite_errors import PATIENCE, plain_errors
from haechi.runtime.environment import home
from haechi.runtime.progress import say

LOOKUP = 5_000  # keys a SELECT; SQLite takes 32,766
BATCH = 4_096  # rows a transaction

PackedRow = tuple[bytes, bytes, float]
"""Key, value as it lies in the store, cost."""


class Row(NamedTuple):
    """A value under its key, and what it cost in the currency of whoever pays (a tuple: they are made by the million)."""

    key: bytes
    value: Any
    cost: float = 0.0


@dataclass
class Tally:
    """How many rows were found and how many had to be made."""

    hits: int = 0
    computed: int = 0


@dataclass
class Store:
    """An open row store; `open_store` makes one."""

    path: Path
    db: sqlite3.Connection
    tally: dict[str, Tally] = field(default_factory=dict)
    _owner: int = field(default_factory=os.getpid)

    def get(self, namespace: Namespace, keys: Sequence[bytes]) -> dict[bytes, Any]:
        """The values of those keys that are there."""
        return {key: encoding.unpacked(namespace, data) for key, data in self.packed(namespace, keys).items()}

    def packed(self, namespace: Namespace, keys: Sequence[bytes]) -> dict[bytes, bytes]:
        """The bytes of those keys that are there."""
        found: dict[bytes, bytes] = {}
        for chunk in _chunks(keys, LOOKUP):
            marks = ",".join("?" * len(chunk))
            found.update(self.rows(f"SELECT key, value FROM {namespace.name} WHERE key IN ({marks})", chunk))
        return found

    def each(self, namespace: Namespace, keys: Iterable[bytes]) -> Iterator[tuple[bytes, Any]]:
        """Key and value (None where there is none) in the order of the keys, a chunk in memory at a time."""
        for chunk in _chunks(keys, LOOKUP):
            found = self.get(namespace, chunk)
            yield from ((key, found.get(key)) for key in chunk)

    def put(self, namespace: Namespace, rows: Iterable[Row], origin: Mapping[str, object] | None = None) -> int:
        """Write rows, a transaction a batch, and say how many were new; a key that is there keeps its value."""
        written = 0
        for chunk in _chunks(rows, BATCH):
            written += self._put(
                namespace, [(key, encoding.packed(namespace, value), cost) for key, value, cost in chunk], origin
            )
        return written

    def through(
        self,
        namespace: Namespace,
        keys: Sequence[bytes],
        compute: Callable[[list[int]], Sequence[Any]],
        batch: int = 1024,
        origin: Mapping[str, object] | None = None,
    ) -> list[Any]:
        """The value of every key, in order: from the store, or made by `compute` and written before the next batch is made.

        `compute` gets places in `keys`, never two with the same key, and gives their values.
        Made values come back as they read from the store, so the first run and every later one see the same.
        """
        tally = self.tally.setdefault(namespace.name, Tally())
        found = self.get(namespace, keys)
        first: dict[bytes, int] = {}
        for place, key in enumerate(keys):
            if key not in found:
                first.setdefault(key, place)
        tally.hits += len(keys) - len(first)
        for places in _chunks(first.values(), batch):
            made = compute(places)
            rows = [(keys[place], encoding.packed(namespace, value), 0.0) for place, value in zip(places, made, strict=True)]
            if self._put(namespace, rows, origin) == len(rows):
                found.update((key, encoding.unpacked(namespace, data)) for key, data, _ in rows)
            else:  # another process was first with some of them
                found.update(self.get(namespace, [key for key, _, _ in rows]))
            tally.computed += len(places)
        return [found[key] for key in keys]

    def count(self, namespace: Namespace) -> int:
        """How many rows there are."""
        return int(next(self.rows(f"SELECT count(*) FROM {namespace.name}"))[0])

    def rows(self, query: str, values: Sequence[object] = ()) -> Iterator[tuple[Any, ...]]:
        """What a query gives, a row at a time."""
        with self._plain():
            yield from self.db.execute(query, values)

    def insert(
        self, namespace: Namespace, rows: Sequence[tuple[bytes, bytes, float]], origin: Mapping[str, object] | None
    ) -> int:
        """Packed rows into the open transaction; how many were new."""
        now, whence = int(time.time()), self.origin(origin)
        before = self.db.total_changes  # the new origin is not a row
        self.db.executemany(
            f"INSERT OR IGNORE INTO {namespace.name} (key, value, sum, cost, origin, made) VALUES (?, ?, ?, ?, {whence}, {now})",
            [(key, data, encoding.checksum(key, data), cost) for key, data, cost in rows],
        )
        return self.db.total_changes - before

    def origin(self, facts: Mapping[str, object] | None) -> int:
        """The number under which a provenance stands, written once."""
        data = orjson.dumps(dict(facts or {}), option=orjson.OPT_SORT_KEYS)
        self.db.execute("INSERT OR IGNORE INTO origins (facts) VALUES (?)", (data,))
        return int(self.db.execute("SELECT id FROM origins WHERE facts = ?", (data,)).fetchone()[0])

    @contextmanager
    def transaction(self, durable: bool = False) -> Iterator[sqlite3.Connection]:
        """All of the block or none of it; `durable` waits until the disk has it, against loss of power too."""
        with self._plain():
            self.db.execute(f"PRAGMA synchronous = {'FULL' if durable else 'NORMAL'}")
            self.db.execute("BEGIN IMMEDIATE")
            try:
                yield self.db
                self.db.execute("COMMIT")
            except BaseException:
                if self.db.in_transaction:  # a full disk has rolled back already
                    self.db.execute("ROLLBACK")
                raise

    def close(self) -> None:
        """Say and log what was found and what was made, then close the file."""
        if used := {name: tally for name, tally in self.tally.items() if tally.hits or tally.computed}:
            parts = [f"{name} {tally.hits} from the store, {tally.computed} made" for name, tally in sorted(used.items())]
            say(f"rows: {'; '.join(parts)}")
            line = {"by": Path(sys.argv[0]).name, "rows": {name: vars(tally) for name, tally in used.items()}}
            with suppress(OSError), log_of(self.path).open("ab") as log:  # the log is a convenience: no stage fails for it
                log.write(orjson.dumps(line, option=orjson.OPT_APPEND_NEWLINE))
        self.db.close()

    def _put(self, namespace: Namespace, rows: Sequence[PackedRow], origin: Mapping[str, object] | None) -> int:
        with self.transaction(durable=namespace.paid):
            return self.insert(namespace, rows, origin)

    @contextmanager
    def _plain(self) -> Iterator[None]:
        if os.getpid() != self._owner:
            raise RuntimeError("a row store was opened before a fork: each process opens its own")
        with plain_errors(self.path):
            yield


def store_path() -> Path:
    """HAECHI_STORE, else `.haechi/rows.sqlite` of the main checkout."""
    return Path(told) if (told := os.environ.get("HAECHI_STORE")) else home() / "rows.sqlite"


def log_of(path: Path) -> Path:
    """Where each user of a store writes down how many rows were found and made."""
    return path.with_suffix(".log.jsonl")


def offline() -> bool:
    """HAECHI_OFFLINE=1: whoever would call out for a missing row must fail instead."""
    return os.environ.get("HAECHI_OFFLINE") == "1"


@contextmanager
def open_store(path: Path | None = None) -> Iterator[Store]:
    """Open the project's store, or the one at `path`; make it if there is none."""
    store = connect(path or store_path())
    try:
        yield store
    finally:
        store.close()


def connect(path: Path) -> Store:
    """An open store, made or upgraded if need be; a file that is no row store, or a newer one, stays as it was."""
    with plain_errors(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        db = sqlite3.connect(path, timeout=PATIENCE, isolation_level=None)
        try:
            schema.ready(db, path)
        except BaseException:
            db.close()
            raise
    return Store(path, db)


def _chunks(items: Iterable[Any], size: int) -> Iterator[list[Any]]:
    rest = iter(items)
    while chunk := list(itertools.islice(rest, size)):
        yield chunk
