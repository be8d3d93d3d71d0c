"""The doctor says why there is no log and no plot to look at."""

from pathlib import Path

import pytest

from haechi.doctor.examine import examine
from haechi.doctor.shown import check_logs, check_plots
from haechi.runtime.files import write_text

LOCK = """
stages:
  evaluate: {cmd: x, outs: [{path: data/runs}, {path: plots/evaluate}]}
  report: {cmd: x, outs: [{path: plots/report}]}
  testset: {cmd: x}
"""


def test_a_tracker_writes_only_while_training_runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """So a pipeline that is up to date logs nothing, and DVC says nothing of that."""
    monkeypatch.setattr("haechi.training.trackers.require", lambda package, told: None)
    found = check_logs(tmp_path, {"HAECHI_LOG": "tensorboard"})
    assert found.level == "warn"
    assert found.said == "tensorboard: written only while `train` runs; nothing is logged yet"
    assert "nothing was trained; `dvc repro -f -s train` trains again" in found.remedy

    for run in ("20260101-000000-1", "20260102-000000-1"):
        (tmp_path / "logs" / "train" / run).mkdir(parents=True)
    assert "the last log is" in check_logs(tmp_path, {"HAECHI_LOG": "tensorboard"}).said
    assert "20260102" in check_logs(tmp_path, {"HAECHI_LOG": "tensorboard"}).said


def test_without_a_tracker_there_is_nothing_to_say(tmp_path: Path) -> None:
    assert check_logs(tmp_path, {}).level == "ok"


def test_a_tracker_that_nobody_knows_would_stop_training(tmp_path: Path) -> None:
    found = check_logs(tmp_path, {"HAECHI_LOG": "mlflow"})
    assert (found.level, found.remedy) == ("fail", "install it, or correct HAECHI_LOG")
    assert "it takes dvclive, wandb, tensorboard" in found.said


def test_plots_of_a_fresh_clone_are_missing_until_something_made_them(tmp_path: Path) -> None:
    assert check_plots(tmp_path).level == "ok"
    write_text(tmp_path / "dvc.lock", LOCK)
    found = check_plots(tmp_path)
    assert (found.level, found.said) == ("warn", "not here: plots/evaluate, plots/report")
    assert "`dvc repro` makes them" in found.remedy

    for name in ("evaluate", "report"):
        (tmp_path / "plots" / name).mkdir(parents=True)
    assert check_plots(tmp_path).said == "all here"


def test_the_doctor_looks_at_both(tmp_path: Path) -> None:
    checks = [finding.check for finding in examine(tmp_path, {"HF_HUB_OFFLINE": "1"})]

    assert {"logs", "plots"} <= set(checks)
