"""What people do with a store as a whole: look at it, check it, make it smaller."""

import time
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import orjson

from haechi.rowstore import encoding
from haechi.rowstore.namespaces import ALL, Namespace
from haechi.rowstore.sqlite_errors import plain_errors
from haechi.rowstore.store import Store
from haechi.runtime.errors import UsageError

DAY = 86_400


@dataclass(frozen=True)
class Share:
    """The rows of one namespace that came from one place."""

    namespace: str
    rows: int
    bytes: int
    cost: float
    newest: int
    """Seconds since 1970."""
    origin: dict[str, object]


def shares(store: Store) -> Iterator[Share]:
    """What is in the store, by namespace and provenance."""
    for namespace in ALL:
        query = (
            f"SELECT count(*), sum(length(value)), sum(cost), max(made), facts FROM {namespace.name} "
            "JOIN origins ON origins.id = origin GROUP BY origin ORDER BY facts"
        )
        for rows, size, cost, newest, facts in store.rows(query):
            yield Share(namespace.name, rows, size, cost, newest, orjson.loads(facts))


def problems(store: Store) -> Iterator[str]:
    """Everything that is wrong with the file or with a row of it, a sentence each."""
    for (answer,) in store.rows("PRAGMA integrity_check"):
        if answer != "ok":
            yield f"SQLite says: {answer}"
    for namespace in ALL:
        query = f"SELECT key, value, sum, facts FROM {namespace.name} LEFT JOIN origins ON origins.id = origin"
        for key, data, check, facts in store.rows(query):
            if reason := _wrong(namespace, key, data, check, facts):
                yield f"{namespace.name} row {key.hex()[:16] if isinstance(key, bytes) else key}: {reason}"


def prune(store: Store, namespace: Namespace, older_than_days: float, paid: bool) -> int:
    """Delete the rows of a namespace that were made before so many days, and give the space back; how many went."""
    if namespace.paid and not paid:
        raise UsageError(f"rows prune: the rows of {namespace.name} were paid for; export them, then say --paid")
    with store.transaction(durable=True) as db:
        gone = db.execute(f"DELETE FROM {namespace.name} WHERE made <= ?", (time.time() - older_than_days * DAY,)).rowcount
        used = " UNION ".join(f"SELECT origin FROM {known.name}" for known in ALL)
        db.execute(f"DELETE FROM origins WHERE id NOT IN ({used})")
    with plain_errors(store.path):
        store.db.execute("VACUUM")
        store.db.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    return int(gone)


def _wrong(namespace: Namespace, key: object, data: object, check: int, facts: bytes | None) -> str:
    if not (isinstance(key, bytes) and len(key) == 32 and isinstance(data, bytes)):
        return "the key is not 32 bytes long, or the value no bytes"
    if encoding.checksum(key, data) != check:
        return "the value is not what was written (checksum)"
    if facts is None:
        return "its provenance is missing"
    try:
        value = encoding.unpacked(namespace, data)
    except ValueError:  # orjson's and numpy's errors alike
        return f"the value is no {namespace.codec}"
    if namespace.codec == "vector" and not np.isfinite(value).all():
        return "the vector is not finite"
    return ""
