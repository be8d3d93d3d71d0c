"""The row store beside bare SQLite: writing, looking up, a million vectors, two writers.

    python benchmarks/rows.py [--rows 200000] [--vectors 1000000]

Bare SQLite is the same file settings, the same rows ready as bytes, the same transactions, `executemany` into (key, value).
Each pair of figures is taken in turns in one run, and the ratio of the best of each is printed.
"""

import argparse
import hashlib
import itertools
import os
import resource
import sqlite3
import statistics
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import orjson

from haechi.rowstore.encoding import Keys
from haechi.rowstore.namespaces import EMBEDDINGS, TOKENS
from haechi.rowstore.store import BATCH, Row, connect

TURNS = 5


def seconds(work: Callable[[], object]) -> float:
    """Wall time of one call."""
    start = time.perf_counter()
    work()
    return time.perf_counter() - start


def bare(path: Path, rows: list[tuple[bytes, bytes]]) -> None:
    """What anyone would write with the standard library."""
    db = sqlite3.connect(path, isolation_level=None)
    for pragma in ("journal_mode = WAL", "synchronous = NORMAL", "cache_size = -65536"):
        db.execute(f"PRAGMA {pragma}")
    db.execute("CREATE TABLE rows (key BLOB PRIMARY KEY, value BLOB)")
    rest = iter(rows)
    while chunk := list(itertools.islice(rest, BATCH)):
        db.execute("BEGIN IMMEDIATE")
        db.executemany("INSERT OR IGNORE INTO rows VALUES (?, ?)", chunk)
        db.execute("COMMIT")
    db.close()


def writing(folder: Path, count: int) -> None:
    """Rows a second, ours from Python values, the bare ones from bytes."""
    values = [["법원", "판결", str(n), "손해배상", "청구", "계약", "해제"] * 4 for n in range(count)]
    keys = [hashlib.sha256(str(n).encode()).digest() for n in range(count)]
    ready = [(key, orjson.dumps(value)) for key, value in zip(keys, values, strict=True)]

    def ours(path: Path) -> None:
        store = connect(path)
        store.put(TOKENS, (Row(key, value) for key, value in zip(keys, values, strict=True)))
        store.close()

    times: dict[str, list[float]] = {"bare": [], "ours": []}
    for turn in range(TURNS):
        times["bare"].append(seconds(lambda turn=turn: bare(folder / f"bare{turn}", ready)))  # type: ignore[misc]
        times["ours"].append(seconds(lambda turn=turn: ours(folder / f"ours{turn}")))  # type: ignore[misc]
    best = {name: min(taken) for name, taken in times.items()}
    paired = statistics.median(b / o for b, o in zip(times["bare"], times["ours"], strict=True))
    rates = f"bare {count / best['bare']:,.0f}/s, ours {count / best['ours']:,.0f}/s"
    print(f"writing {count:,} rows: {rates}, ratio of the best {best['bare'] / best['ours']:.2f}, median of pairs {paired:.2f}")

    store = connect(folder / "ours0")
    np.random.default_rng(7).shuffle(keys)
    packed = min(seconds(lambda: store.packed(TOKENS, keys)) for _ in range(TURNS))
    typed = min(seconds(lambda: store.get(TOKENS, keys)) for _ in range(TURNS))
    print(f"looking up {count:,} keys in random order: {count / packed:,.0f}/s as bytes, {count / typed:,.0f}/s as Python values")
    texts = ["가나다라마바사아자차" * 10 + str(n) for n in range(count)]
    made = Keys({"kiwi": "0.20", "tags": ["NNG"], "schema": 1})
    print(f"making keys of {len(texts[0])} characters: {count / seconds(lambda: [made.of(text=text) for text in texts]):,.0f}/s")
    store.close()


def two_writers(folder: Path, count: int) -> None:
    """Two processes write so many rows each."""
    path = folder / "two"

    def write(writer: int) -> None:
        store = connect(path)
        for start in range(0, count, 500):
            store.put(
                TOKENS, [Row(hashlib.sha256(f"{writer} {n}".encode()).digest(), [str(n)]) for n in range(start, start + 500)]
            )
        store.db.close()

    children = []
    start = time.perf_counter()
    for writer in (1, 2):
        child = os.fork()
        if not child:
            write(writer)
            os._exit(0)
        children.append(child)
    failed = [child for child in children if os.waitpid(child, 0)[1]]
    took = time.perf_counter() - start
    store = connect(path)
    print(
        f"two processes, {count:,} rows each in batches of 500: {store.count(TOKENS):,} there, {len(failed)} failed, {took:.1f} s"
    )
    store.db.close()


def vectors(folder: Path, count: int, dim: int = 1024) -> None:
    """Vectors in and out in chunks; resident memory before and at the highest."""
    path = folder / "vectors"
    base = np.random.default_rng(1).standard_normal((BATCH, dim)).astype(np.float16)

    def rows() -> Iterator[Row]:
        for n in range(count):
            yield Row(n.to_bytes(32, "big"), base[n % BATCH])

    def read() -> int:
        return sum(
            vector is not None and vector[0] == base[n % BATCH, 0]
            for n, (_, vector) in enumerate(store.each(EMBEDDINGS, (n.to_bytes(32, "big") for n in range(count))))
        )

    store = connect(path)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    into = seconds(lambda: store.put(EMBEDDINGS, rows()))
    middle = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    start = time.perf_counter()
    same = read()
    out = time.perf_counter() - start
    after = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    size = sum(file.stat().st_size for file in folder.glob("vectors*")) / 1e9
    print(
        f"{count:,} vectors of {dim} float16: in {into:.0f} s, out {out:.0f} s, {same:,} as they were, file {size:.2f} GB, "
        f"highest memory {before:.0f} MB before, {middle:.0f} after writing, {after:.0f} after reading"
    )
    store.db.close()


def main() -> None:
    """Run all."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rows", type=int, default=200_000)
    parser.add_argument("--vectors", type=int, default=1_000_000)
    settings = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        vectors(Path(folder), settings.vectors)  # first: the highest memory must be its own
        two_writers(Path(folder), 100_000)
        writing(Path(folder), settings.rows)


if __name__ == "__main__":
    main()
