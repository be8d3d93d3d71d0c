"""The miniature pipeline, run once for all proofs."""

import fcntl
import importlib.util
import resource
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType

import pytest
from proofs import project

from haechi.runtime.files import read_json, write_json

STAGES = [
    "preprocess", "make_pairs", "merge_corpus", "base", "generate_qa", "mine", "train", "select", "train_reranker", "evaluate", "report"
]  # fmt: skip
"""Those that `dvc repro` runs."""


@dataclass(frozen=True)
class Mini:
    """A finished run: its folder, what it printed, and how many processor seconds `dvc repro` took."""

    folder: Path
    log: str
    seconds: float


@pytest.fixture(scope="session")
def mini(tmp_path_factory: pytest.TempPathFactory, worker_id: str) -> Mini:
    """Run by the process that asks first; the others wait for it and take a copy, so that none sees what another does to it."""
    own = tmp_path_factory.mktemp("mini") / "project"
    if worker_id == "master":
        return finished_run(own)
    shared = tmp_path_factory.getbasetemp().parent / "mini"  # of this test run alone
    shared.mkdir(exist_ok=True)
    with (shared / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        told = shared / "run.json"
        if not told.exists():
            made = finished_run(shared / "project")
            write_json(told, {"log": made.log, "seconds": made.seconds})
    return Mini(project.copy_of(shared / "project", own), **read_json(told))


def finished_run(folder: Path) -> Mini:
    """A new project with its test set and everything that follows, each step committed."""
    project.make_project(folder)
    log = project.refresh_testset(folder, PYTHONPROFILEIMPORTTIME="1")
    project.commit(folder, "ready")
    started = _children_seconds()
    log += project.dvc(folder, "repro", PYTHONPROFILEIMPORTTIME="1").stdout
    seconds = _children_seconds() - started
    project.commit(folder, "results")
    return Mini(folder, log, seconds)


def _children_seconds() -> float:
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


@pytest.fixture
def finished(mini: Mini, tmp_path: Path) -> Path:
    """A copy of the finished run that a test may spoil."""
    return project.copy_of(mini.folder, tmp_path / "project")


@pytest.fixture
def kills() -> ModuleType:
    """benchmarks/kills.py as a module: it holds a counting endpoint too."""
    spec = importlib.util.spec_from_file_location("kills", project.ROOT / "benchmarks" / "kills.py")
    assert spec
    assert spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module
