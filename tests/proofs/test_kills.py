"""The pipeline killed at random moments comes out with the same bytes; `benchmarks/kills.py` does the same at length."""

import random
from pathlib import Path
from types import ModuleType

import pytest
from proofs import project
from proofs.conftest import Mini

pytestmark = [pytest.mark.slow, pytest.mark.timeout(900)]


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


def test_killed_scripts_keep_what_they_paid_for(kills: ModuleType, tmp_path: Path) -> None:
    """Three short scripts over locks, row store and writers: the same bytes, and no answer is asked for again that could be kept."""
    with kills.endpoint() as model:
        start = kills.make_start(tmp_path / "start", "tiny")
        calm = project.copy_of(start, tmp_path / "calm")
        seconds = kills.undisturbed(calm, model)
        assert len(model.answered) == 30
        chance = random.Random(1)  # noqa: S311  # moments, no secrets
        outcome = kills.disturb(start, tmp_path / "killed", kills.files_of(calm), 6, seconds * 0.7, chance, model)
    assert (outcome.differing, outcome.left_running, outcome.repeated) == ([], 0, 0)
    assert outcome.kills[kills.GROUP]
    assert outcome.kills[kills.ALONE]
    assert outcome.calls == 30 * outcome.pipelines


def test_a_repeated_call_would_be_seen(kills: ModuleType) -> None:
    """One that a kill caught in the air is told apart from one whose answer was there in time."""
    model = kills.Endpoint(1, {"a": [10.0, 20.0], "b": [10.0], "c": [14.9, 20.0, 21.0]}, [15.0])
    assert model.repeated() == (1, 2)


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
