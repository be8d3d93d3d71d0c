"""Every test runs without the hub, and hypothesis draws the same examples on every machine."""

import builtins
import gc
import os
import re
from collections.abc import Iterator
from typing import Any

os.environ["HF_HUB_OFFLINE"] = "1"  # before any library reads it
os.environ["HAECHI_DEVICE"] = "cpu"
os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")
os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")  # the threads of two processes would keep two cores busy with waiting

from pathlib import Path

import pytest
from browser import chromium, open_page  # noqa: F401  (fixtures)
from hypothesis import HealthCheck, settings

settings.register_profile(
    "haechi",
    deadline=None,  # two shared cores: a slow example is no failure
    derandomize=True,
    max_examples=60,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture],
)
settings.register_profile("quick", settings.get_profile("haechi"), max_examples=20)
settings.load_profile("haechi")
QUICK = "not slow"

TESTS = Path(__file__).parent

LONGEST = (
    "proofs/test_sweep.py",
    "rowstore/test_processes.py",  # while the first proof makes the miniature pipeline that the other proofs wait for
    "training/test_resume.py",
    "sweeps/test_agents.py",
    "training/test_gpu_script.py",
    "training/test_processes.py",
    "proofs/test_documented_commands.py",
    "proofs/test_kills.py",
    "proofs/test_experiments.py",
    "proofs/test_replay.py",
    "proofs/test_one_document.py",
    "proofs/test_mini.py",
    "proofs/test_impact.py",
    "questions/test_transformers_serve.py",
)
"""Files that begin first, so that all processes end at about the same time; where a new long test belongs, too."""


def pytest_configure(config: pytest.Config) -> None:
    """For every save, a third of the examples will do; a whole run draws all of them."""
    if config.option.markexpr == QUICK:
        settings.load_profile("quick")


def pytest_ignore_collect(collection_path: Path, config: pytest.Config) -> bool | None:
    """Files of slow tests alone aren't imported where none is wanted: their libraries take seconds."""
    if config.option.markexpr != QUICK or collection_path.suffix != ".py":
        return None
    all_slow = re.search(r"^pytestmark = \[?\s*pytest\.mark\.slow", collection_path.read_text(encoding="utf-8"), re.MULTILINE)
    return bool(all_slow) or None


@pytest.hookimpl(wrapper=True)
def pytest_collection() -> Iterator[None]:
    """What libraries and test files make when they are imported lives to the end: nobody looks there for garbage, then or later.

    Later a forked child, too, leaves its parent's pages alone.
    """
    gc.disable()
    try:
        return (yield)
    finally:
        gc.freeze()
        gc.enable()


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Order of files; within a file the tests stay as they stand."""
    places = {TESTS / name: place for place, name in enumerate(LONGEST)}
    items.sort(key=lambda item: places.get(item.path, len(LONGEST)))


@pytest.fixture
def without_torch(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever imports torch or its libraries from now on fails, be they loaded already."""
    real = builtins.__import__

    def importing(name: str, *arguments: Any, **options: Any) -> Any:
        assert name.partition(".")[0] not in {"torch", "transformers", "sentence_transformers", "sklearn"}, name
        return real(name, *arguments, **options)

    monkeypatch.setattr(builtins, "__import__", importing)
