"""How long evaluation takes on cached tokens and vectors, and how much memory it needs.

    python benchmarks/evaluate.py [--queries 10000] [--passages 100000] [--dim 256]

Everything is made up: vectors, tokens and citations are random, with gold nearer to its query than chance.
Runs the evaluate stage's own function (popularity, BM25, untuned, tuned, hybrid; all metrics, intervals, slices, probes),
writes all its files, and then `haechi compare` on two revisions of the results. Nothing is encoded or tokenised.
"""

import argparse
import cProfile
import os
import pstats
import re
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from types import SimpleNamespace
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT / "src"))

import numpy as np  # noqa: E402  (only now is the path right)

from haechi.evaluation import summary  # noqa: E402
from haechi.evaluation.forgetting import GENERAL, Probe, ProbePassage, ProbeQuery  # noqa: E402
from haechi.evaluation.inputs import Inputs  # noqa: E402
from haechi.evaluation.params import EvaluateParams  # noqa: E402
from haechi.evaluation.stage import evaluate  # noqa: E402
from haechi.records.pair import Pair, PairMeta  # noqa: E402
from haechi.records.passage import Passage  # noqa: E402
from haechi.records.query import TestQuery  # noqa: E402
from haechi.retrieval.params import RetrievalParams  # noqa: E402

PARAMS = EvaluateParams(7, (1, 3, 5, 10, 100), 100, 10_000, 0.95, "count", 0.02, "", 50, 512, ())
LAWS = 60
WORDS = 30_000


class Cached:
    """Tokens and vectors that are already there, by text."""

    def __init__(self, dim: int, rng: np.random.Generator) -> None:
        self._rng, self._dim = rng, dim
        self._vectors: dict[tuple[str, str], np.ndarray] = {}
        self._tokens: dict[str, list[str]] = {}

    def put(self, model: str, texts: Sequence[str], near: np.ndarray | None = None, noise: float = 1.0) -> np.ndarray:
        """Random unit vectors, near others where given."""
        drawn = self._rng.normal(size=(len(texts), self._dim)).astype(np.float32)
        vectors = drawn if near is None else near + noise * drawn / np.float32(np.sqrt(self._dim))
        vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
        self._vectors[model, texts[0]] = vectors
        return vectors

    def put_tokens(self, texts: Sequence[str], length: int) -> None:
        """Zipf's words."""
        ranks = np.minimum(self._rng.zipf(1.2, size=(len(texts), length)), WORDS)
        self._tokens |= {text: [f"w{rank}" for rank in row] for text, row in zip(texts, ranks.tolist(), strict=True)}

    def tokens(self, texts: Sequence[str]) -> list[list[str]]:
        """As Source has it."""
        return [self._tokens[text] for text in texts]

    def queries(self, model: Any, texts: Sequence[str]) -> np.ndarray:
        """As Source has it."""
        return self._vectors[model.name, texts[0]]

    passages = queries


def world(queries: int, passages: int, dim: int) -> tuple[Inputs, Cached]:
    """A made-up project."""
    rng = np.random.default_rng(1)
    cached = Cached(dim, rng)
    texts = [f"법 {i % LAWS} 제{i}조(제목)\n본문 {i}" for i in range(passages)]
    corpus = [
        Passage(f"P{i}", "", f"P{i}", "law", text, "제목", f"법 {i % LAWS}", f"제{i}조", "", "") for i, text in enumerate(texts)
    ]
    cited = rng.zipf(1.3, size=3 * (queries + 1000)) % passages
    gold = [tuple(dict.fromkeys(f"P{g}" for g in cited[3 * i : 3 * i + 1 + i % 3])) for i in range(queries + 1000)]
    tests = [
        TestQuery(
            f"q{i}", f"물음 {i} 의 여부", gold[i], "precedent", f"g{i // 3}", f"20{i % 20:02d}0101", f"s{i}", i % 7 == 0, False
        )
        for i in range(queries)
    ]
    pairs = [
        Pair(f"v{i}", f"검증 {i}", gold[i], (), PairMeta("precedent", f"v{i}", f"v{i}", "", gold[i], gold[i], False))
        for i in range(queries, queries + 1000)
    ]
    asked, known = [q.query_text for q in tests], [p.query_text for p in pairs]
    probe = Probe(
        tuple(ProbePassage(f"g{i}", f"일상 {i}") for i in range(300)),
        tuple(ProbeQuery(f"g{i}", f"일상 물음 {i}", (f"g{i}",)) for i in range(300)),
    )
    for part, length in ((texts, 60), (asked, 30), (known, 30)):
        cached.put_tokens(part, length)
    for model, noise in (("base", 4.5), ("tuned", 3.5)):
        vectors = cached.put(model, texts)
        for part, first in ((asked, 0), (known, queries)):
            cached.put(model, part, vectors[[int(gold[first + i][0][1:]) for i in range(len(part))]], noise)
        everyday = cached.put(model, [p.text for p in probe.passages])
        cached.put(model, [q.query_text for q in probe.queries], everyday, noise)
    testset: Any = SimpleNamespace(queries=tuple(tests), fingerprint="made-up")
    base: Any = SimpleNamespace(name="base")
    tuned: Any = SimpleNamespace(name="tuned")
    return Inputs(tuned, base, "made-up", corpus, pairs, pairs, testset, {GENERAL: probe}), cached


def peak() -> float:
    """Gigabytes of this process at its largest."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e6


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--queries", type=int, default=10_000)
    parser.add_argument("--passages", type=int, default=100_000)
    parser.add_argument("--dim", type=int, default=256)
    parser.add_argument("--profile", action="store_true")
    arguments = parser.parse_args()
    inputs, source = world(arguments.queries, arguments.passages, arguments.dim)
    before, started, worked = peak(), time.perf_counter(), time.process_time()
    profile = cProfile.Profile()
    if arguments.profile:
        profile.enable()
    found = evaluate(inputs, PARAMS, RetrievalParams(1.2, 0.75), source)
    if arguments.profile:
        profile.disable()
        pstats.Stats(profile).sort_stats("cumulative").print_stats(45)
    took = time.perf_counter() - started
    worked = time.process_time() - worked
    print(f"| processor time of the next row | {worked:.1f} s | - |")
    print(f"| evaluate, {arguments.queries} queries x {arguments.passages} passages x {arguments.dim} | {took:.1f} s | 60 s |")
    started = time.perf_counter()
    summary.summarise(found.rows, PARAMS)
    print(f"| of it metrics and significance | {time.perf_counter() - started:.1f} s | 5 s |")
    print(f"| largest memory (inputs alone {before:.1f} GB) | {peak():.1f} GB | 4 GB |")
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        started = time.perf_counter()
        found.write(
            inputs, folder / "data/runs", folder / "plots", folder / "metrics/per_query.json", folder / "metrics/evaluate.json"
        )
        print(f"| writing all files | {time.perf_counter() - started:.1f} s | - |")
        print(f"| metrics/per_query.json | {(folder / 'metrics/per_query.json').stat().st_size / 1e6:.1f} MB | - |")
        compare(folder)


def compare(folder: Path) -> None:
    """Two revisions of the same results, the second with some ranks moved."""
    git = ["git", "-c", "user.name=b", "-c", "user.email=b@example.invalid"]
    file = folder / "metrics/per_query.json"
    for command in (["init", "-q"], ["add", "metrics"], ["commit", "-qm", "one"], ["tag", "one"]):
        subprocess.run([*git, *command], cwd=folder, check=True)
    moved = re.sub(
        r'"tuned":\[(\d+)(?=[],])', lambda found: f'"tuned":[{max(1, int(found[1]) - 1)}', file.read_text(encoding="utf-8")
    )
    file.write_text(moved, encoding="utf-8")
    for command in (["commit", "-qam", "two"], ["tag", "two"]):
        subprocess.run([*git, *command], cwd=folder, check=True)
    code = "from haechi.cli.main import entry; entry()"
    environment = {**os.environ, "PYTHONPATH": str(ROOT / "src")}
    times = []
    for _ in range(3):
        started = time.perf_counter()
        ask = [sys.executable, "-c", code, "compare", "one", "two"]
        subprocess.run(ask, cwd=folder, env=environment, check=True, capture_output=True)
        times.append(time.perf_counter() - started)
    print(f"| `haechi compare one two` on that test set | {min(times):.1f} s | 3 s |")


if __name__ == "__main__":
    main()
