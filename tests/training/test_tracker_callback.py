"""Trackers and the bar beside a real training: they see what the history holds, and the model doesn't know of them."""

import csv
import math
import sys
import time
from pathlib import Path
from typing import Any

import pytest
from runtime.test_progress import Terminal
from training.made import VALIDATION, examples, recipe, static, train
from training.test_trackers import StandIn, wanted

from haechi.guards.history import HistoryRow, read_history
from haechi.runtime.files import sha256_folder
from haechi.training.trackers import Tracked, tracking

pytestmark = pytest.mark.slow

RECIPE = recipe(loss={"name": "triplet", "margin": 0.3})
CONFIG = {"params": {"lr": 0.1, "pin": (1, 2)}, "loss": {"dims": ()}}


def learned(folder: Path, tracked: Tracked | None = None) -> list[HistoryRow]:
    train(static(), examples(), VALIDATION, folder, RECIPE, tracked=tracked or Tracked({}))
    return read_history(folder / "history.jsonl")


@pytest.fixture(scope="module")
def alone(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("alone") / "run"
    learned(folder)
    return folder


def test_a_tracker_gets_the_history_row_by_row(alone: Path, tmp_path: Path) -> None:
    tracker = StandIn()
    rows = learned(tmp_path / "run", Tracked({"one": tracker}))

    assert tracker.told == wanted(rows)
    assert {"active_triplets", "grad_norm", "learning_rate", "loss"} <= tracker.told[1][1].keys()
    assert [step for step, row in tracker.told if "valid_ndcg@10" in row] == [0, 3, 6, 9]
    assert sha256_folder(tmp_path / "run") == sha256_folder(alone)


class Failing(StandIn):
    def report(self, step: int, figures: Any) -> None:
        raise ConnectionError("no network")

    def finish(self, ok: bool) -> None:
        raise AssertionError("told again")


def test_a_tracker_that_fails_stops_nothing_and_changes_nothing(alone: Path, tmp_path: Path) -> None:
    learned(tmp_path / "run", Tracked({"failing": Failing()}))

    assert sha256_folder(tmp_path / "run") == sha256_folder(alone)


@pytest.fixture
def logged(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    """A training with one real tracker: the rows of its history and the folder of the tracker."""
    monkeypatch.setenv("DVC_ROOT", str(tmp_path))
    for name in ("WANDB_MODE", "WANDB_PROJECT", "DVC_STUDIO_TOKEN"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.chdir(tmp_path)

    def run(name: str) -> tuple[list[dict[str, Any]], Path]:
        with tracking((name,), CONFIG) as tracked:
            rows = learned(tmp_path / "run", tracked)
        assert {path.name for path in tmp_path.iterdir()} <= {".haechi", "run"}, "it wrote beside its folder"
        return rows, next((tmp_path / ".haechi/logs/train").iterdir())

    return run


def curves(rows: list[dict[str, Any]]) -> dict[str, list[tuple[int, float]]]:
    found: dict[str, list[tuple[int, float]]] = {}
    for step, told in wanted(rows):
        for name, value in told.items():
            found.setdefault(name, []).append((step, value))
    return found


def same(one: dict[str, list[tuple[int, float]]], other: dict[str, list[tuple[int, float]]], rel: float = 0.0) -> None:
    assert one.keys() == other.keys()
    for name, points in one.items():
        assert [step for step, _ in points] == [step for step, _ in other[name]]
        assert all(
            math.isclose(a, b, rel_tol=rel or 1e-12, abs_tol=1e-12) for (_, a), (_, b) in zip(points, other[name], strict=True)
        )


def test_dvclive_has_the_curves_of_the_history(logged: Any, alone: Path, tmp_path: Path) -> None:
    pytest.importorskip("dvclive")
    rows, folder = logged("dvclive")
    found = {}
    for table in (folder / "dvclive/plots/metrics").rglob("*.tsv"):
        with table.open(encoding="utf-8") as stream:
            name = table.relative_to(folder / "dvclive/plots/metrics").with_suffix("").as_posix()
            found[name] = [(int(r["step"]), float(r[table.stem])) for r in csv.DictReader(stream, delimiter="\t")]

    same(found, curves(rows))
    assert (folder / "dvclive/params.yaml").is_file()
    assert not list(folder.rglob("dvc.yaml"))
    assert sha256_folder(tmp_path / "run") == sha256_folder(alone)


def test_tensorboard_has_the_curves_of_the_history(logged: Any, alone: Path, tmp_path: Path) -> None:
    pytest.importorskip("tensorboard")
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    rows, folder = logged("tensorboard")
    events = EventAccumulator(str(folder / "tensorboard")).Reload()
    found = {name: [(event.step, event.value) for event in events.Scalars(name)] for name in events.Tags()["scalars"]}

    same(found, curves(rows), rel=1e-6)  # it keeps 32 bits
    assert sha256_folder(tmp_path / "run") == sha256_folder(alone)


def test_wandb_writes_a_run_to_be_sent_later(logged: Any, alone: Path, tmp_path: Path) -> None:
    pytest.importorskip("wandb")
    rows, folder = logged("wandb")
    (run,) = (folder / "wandb").glob("offline-run-*/run-*.wandb")
    names, patience = set(curves(rows)), time.monotonic() + 60  # its own process writes the end of the file, a little later
    while any(name.encode() not in run.read_bytes() for name in names) and time.monotonic() < patience:
        time.sleep(0.1)

    assert {name for name in names if name.encode() in run.read_bytes()} == names
    assert sha256_folder(tmp_path / "run") == sha256_folder(alone)


def test_on_a_terminal_the_bar_tells_step_rate_and_the_last_validation(
    alone: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    screen = Terminal()
    monkeypatch.setattr(sys, "stderr", screen)
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setenv("COLUMNS", "160")
    rows = learned(tmp_path / "run")
    last = [row.figures["valid_ndcg@10"] for row in rows if "valid_ndcg@10" in row.figures][-1]

    assert "9/9" in screen.getvalue()
    assert f"ndcg@10 {last:.4f}" in screen.getvalue()
    assert "/s" in screen.getvalue() or "s each" in screen.getvalue()
    assert "9/9" not in capsys.readouterr().out
    assert sha256_folder(tmp_path / "run") == sha256_folder(alone)


def test_elsewhere_it_is_silent(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    learned(tmp_path / "run")

    assert "9/9" not in (told := capsys.readouterr()).out + told.err
    assert "\r" not in told.out + told.err
