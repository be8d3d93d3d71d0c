"""Search over 10 thousand, 100 thousand and 1 million passages: time a query and memory, with made-up vectors and words.

    python benchmarks/scale.py [--queries 10000] [--sizes 10000,100000,1000000] [--figure docs/scale.png]

Each size runs in a process of its own, whose largest memory is printed. Vectors are random (256 numbers); words follow Zipf's law
over 60 thousand, 40 a passage and 12 a query. k is 50 in both, as in mining.
"""

import json
import resource
import subprocess
import sys
import time
from pathlib import Path

import click
import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "src"))

from haechi.retrieval.bm25 import Bm25
from haechi.retrieval.dense import search
from haechi.retrieval.params import RetrievalParams

DIM, K, WORDS, LONG, SHORT = 256, 50, 60_000, 40, 12
BLOCK = 65_536


@click.command(help=__doc__)
@click.option("--queries", default=10_000, show_default=True)
@click.option("--sizes", default="10000,100000,1000000", show_default=True)
@click.option("--figure", type=click.Path(path_type=Path))
@click.option("--one", type=int, hidden=True)
def main(queries: int, sizes: str, figure: Path | None, one: int | None) -> None:
    """Print a table."""
    if one:
        print(json.dumps(_measured(one, queries)))
        return
    rows = []
    for size in map(int, sizes.split(",")):
        command = [sys.executable, __file__, "--queries", str(queries), "--one", str(size)]
        rows.append(json.loads(subprocess.run(command, capture_output=True, text=True, check=True).stdout.splitlines()[-1]))
        print("  ".join(f"{name} {value}" for name, value in rows[-1].items()), flush=True)
    if figure:
        _draw(rows, figure)


def _measured(size: int, queries: int) -> dict[str, float]:
    rng = np.random.default_rng(7)
    passages, asked = _vectors(rng, size), _vectors(rng, queries)
    ids, query_ids = [f"P{number:07d}" for number in range(size)], [f"Q{number:05d}" for number in range(queries)]
    start = time.process_time()
    search(query_ids, asked, ids, passages, K)
    dense = time.process_time() - start
    after_dense = _memory()
    del passages, asked
    start = time.process_time()
    index = Bm25(ids, _texts(rng, size, LONG), RetrievalParams(1.2, 0.75))
    built = time.process_time() - start
    words = list(_texts(rng, queries, SHORT))
    start = time.process_time()
    index.search(query_ids, words, K)
    return {
        "passages": size,
        "dense ms/query": round(1000 * dense / queries, 3),
        "bm25 ms/query": round(1000 * (time.process_time() - start) / queries, 3),
        "bm25 index s": round(built, 1),
        "GB after dense": after_dense,
        "GB at most": _memory(),
    }


def _vectors(rng: np.random.Generator, rows: int) -> np.ndarray:
    made = np.empty((rows, DIM), dtype=np.float32)
    for start in range(0, rows, BLOCK):
        some = rng.standard_normal((min(BLOCK, rows - start), DIM), dtype=np.float32)
        made[start : start + BLOCK] = some / np.linalg.norm(some, axis=1, keepdims=True)
    return made


def _texts(rng: np.random.Generator, rows: int, length: int):
    share = 1 / np.arange(1, WORDS + 1)
    edges = np.cumsum(share / share.sum())
    names = [f"w{number}" for number in range(WORDS + 1)]
    for start in range(0, rows, BLOCK):
        for row in np.searchsorted(edges, rng.random((min(BLOCK, rows - start), length))).tolist():
            yield [names[number] for number in row]


def _memory() -> float:
    return round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20, 2)


def _draw(rows: list[dict[str, float]], figure: Path) -> None:
    import matplotlib as mpl

    mpl.use("Agg")
    from matplotlib import pyplot as plt

    sizes = [row["passages"] for row in rows]
    drawing, (left, right) = plt.subplots(1, 2, figsize=(9, 3.5), layout="constrained")
    for name in ("dense ms/query", "bm25 ms/query"):
        left.loglog(sizes, [row[name] for row in rows], marker="o", label=name.split()[0])
    left.set(xlabel="passages", ylabel="ms a query, one core", title="Time")
    left.legend()
    right.loglog(sizes, [row["GB at most"] for row in rows], marker="o", color="black")
    right.axhline(8, linestyle="--", color="grey")
    right.set(xlabel="passages", ylabel="GB", title="Largest memory")
    drawing.savefig(figure, dpi=100, metadata={"Software": None})


if __name__ == "__main__":
    main()
