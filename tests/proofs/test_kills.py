"""The pipeline killed at random moments comes out with the same bytes; `benchmarks/kills.py` does the same at length."""

import importlib.util
import random
from pathlib import Path
from types import ModuleType

import pytest
from proofs import project
from proofs.conftest import Mini

pytestmark = [pytest.mark.slow, pytest.mark.timeout(900)]


@pytest.fixture
def kills() -> ModuleType:
    """The benchmark as a module."""
    spec = importlib.util.spec_from_file_location("kills", project.ROOT / "benchmarks" / "kills.py")
    assert spec
    assert spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_a_pipeline_that_is_killed_again_and_again_comes_out_with_the_same_bytes(
    mini: Mini, kills: ModuleType, tmp_path: Path
) -> None:
    """Of the whole group, and of dvc alone, whose script lives on and meets the next run."""
    start = project.copy_of(mini.folder, tmp_path / "start")
    project.git(start, "checkout", "-q", "HEAD~1")  # the test set is there, nothing else ran
    project.git(start, "clean", "-qfdx")
    chance = random.Random(1)  # noqa: S311  # moments, no secrets
    outcome = kills.disturb(start, tmp_path / "killed", kills.files_of(mini.folder), 4, 12.0, chance)
    assert outcome.differing == []
    assert outcome.left_running == 0
    assert sum(outcome.kills.values()) == 4


def test_a_difference_would_be_seen(kills: ModuleType, tmp_path: Path) -> None:
    """Another byte, a file too many, one too few; what git and DVC keep for themselves doesn't count."""
    for name in ("same", "other", "gone", ".git/x", ".dvc/x", ".haechi/x"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text("a")
    before = kills.files_of(tmp_path)
    (tmp_path / "other").write_text("b")
    (tmp_path / "gone").unlink()
    (tmp_path / "more").touch()
    (tmp_path / ".git" / "x").write_text("b")
    assert kills.differences(before, kills.files_of(tmp_path)) == ["gone", "more", "other"]
