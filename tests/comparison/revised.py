"""A git repository whose commits hold results: what `haechi compare` reads, without models and without DVC."""

import hashlib
import json
import subprocess
from pathlib import Path
from typing import Any

import numpy as np

from haechi.records.query import TestQuery
from haechi.retrieval.run import Run
from haechi.runtime.files import write_json, write_jsonl
from haechi.scoring.facets import Facetter
from haechi.scoring.names import BASE, BM25, EVALUATOR_VERSION, TUNED
from haechi.scoring.per_query import write_rows
from haechi.scoring.score_queries import judge

QUERIES = [
    TestQuery(f"q{i}", f"물음 {i}", (f"a{i % 5}",), "precedent", f"g{i // 2}", "2020", f"s{i}", i % 3 == 0, False)
    for i in range(60)
]


def git(root: Path, *arguments: str) -> str:
    done = subprocess.run(["git", *arguments], cwd=root, check=True, capture_output=True, text=True)
    return done.stdout.strip()


def repository(root: Path) -> Path:
    root.mkdir(parents=True, exist_ok=True)
    for name in ("dvc.yaml", "params.yaml"):  # what makes a folder a project of ours
        (root / name).write_text("", encoding="utf-8")
    git(root, "init", "-q")
    git(root, "config", "user.email", "t@example.invalid")
    git(root, "config", "user.name", "t")
    return root


def run(good: float, seed: int) -> Run:
    """A system that puts the answer first in about this share of the queries."""
    rng = np.random.default_rng(seed)
    return Run({q.query_id: [(q.gold[0], 1.0 if rng.random() < good else -1.0), ("other", 0.0)] for q in QUERIES})


def put(root: Path, good: float, seed: int = 1, encoder: str = "", **changed: Any) -> None:
    """Write the results of a model into the workspace."""
    runs = {BM25: run(0.3, 50), BASE: run(0.2, 51), TUNED: run(good, seed)}
    rows = judge(QUERIES, "precedent", {q.query_id: q.gold for q in QUERIES}, runs, Facetter([], [], {}))
    told = {"testset": "t1", "evaluator": EVALUATOR_VERSION, "encoder": encoder or f"model-{good}-{seed}"}
    write_json(root / "metrics/evaluate.json", told | changed)
    write_rows(root / "metrics/per_query.json", rows)
    write_jsonl(root / "data/testset/queries.jsonl", QUERIES)


def lock(root: Path, *, made: str = "m1", scored: str = "m1", seed: int = 7, rate: float = 0.1) -> None:
    """A dvc.lock that tells which model was made and which was scored."""
    outs = [
        {"path": f"metrics/{name}", "md5": hashlib.md5((root / "metrics" / name).read_bytes(), usedforsecurity=False).hexdigest()}
        for name in ("per_query.json", "evaluate.json")
    ]
    stages = {
        "train": {
            "deps": [{"path": "data/mined/train.jsonl", "md5": "x"}],
            "params": {"params.yaml": {"train": {"lr": rate, "seed": seed}}},
        },
        "select": {"outs": [{"path": "models/encoder", "md5": made}]},
        "evaluate": {"deps": [{"path": "models/encoder", "md5": scored}], "outs": outs},
    }
    (root / "dvc.lock").write_text(json.dumps({"schema": "2.0", "stages": stages}), encoding="utf-8")


def commit(root: Path, tag: str = "") -> str:
    git(root, "add", "-A")
    git(root, "commit", "-qm", tag or "results", "--allow-empty")
    if tag:
        git(root, "tag", tag)
    return git(root, "rev-parse", "HEAD")
