"""The script of the stage, in this process: what it says before any work, and what it hands on."""

import runpy
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from ruamel.yaml import YAML

from haechi.runtime.environment import home
from haechi.runtime.errors import HaechiError
from haechi.runtime.files import write_json
from haechi.training.resume import State

ROOT = Path(__file__).parents[2]
Stage = Callable[..., int]
MADE = {"out": "run", "plots": "plots", "metrics": "train.json", "details": "details.json"}


@pytest.fixture
def stage(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Stage:
    """Runs it with some parameters of `train` changed; gives its exit code."""
    for name in ("examples", "held", "pairs", "corpus"):
        (tmp_path / name).touch()
    write_json(tmp_path / "base/config.json", {})
    paths = {"examples": "examples", "held-out": "held", "valid-pairs": "pairs", "corpus": "corpus", "base": "base"}
    script = ROOT / "stages/train.py"
    for name, value in {"DVC_ROOT": str(tmp_path), "PYTHONPATH": ""}.items():
        monkeypatch.setenv(name, value)
    monkeypatch.delenv("HAECHI_LOG", raising=False)
    monkeypatch.syspath_prepend(script.parent)

    def run(**changed: Any) -> int:
        params = YAML(typ="safe").load((ROOT / "params.yaml").read_text(encoding="utf-8"))
        params["train"] |= changed
        YAML().dump(params, tmp_path / "params.yaml")
        told = [f"--{key}={tmp_path / value}" for key, value in (paths | MADE | {"params": "params.yaml"}).items()]
        monkeypatch.setattr(sys, "argv", [str(script), *told])
        with pytest.raises(SystemExit) as ended:
            runpy.run_path(str(script), run_name="__main__")
        return int(ended.value.code or 0)

    return run


def test_a_tracker_that_nobody_knows_stops_it_before_any_work(
    stage: Stage, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("HAECHI_LOG", "wandb,mlflow")
    monkeypatch.setattr("haechi.training.trackers.require", lambda package, told: None)

    assert stage() == 2
    sentence = "error: HAECHI_LOG names 'mlflow'; it takes dvclive, wandb, tensorboard, with commas between them"
    assert capsys.readouterr().err.strip() == sentence
    assert not [name for name in MADE.values() if (tmp_path / name).exists()]


FLAG = "train: the flagembedding engine can't be resumed: a run that is killed starts again from its first step"
TWO = "train: 2 processes can't be resumed: a run that is killed starts again from its first step"


@pytest.mark.parametrize(
    ("engine", "processes", "said"),
    [("sentence-transformers", "1", ""), ("sentence-transformers", "2", TWO), ("flagembedding", "1", FLAG)],
)
def test_a_run_that_can_not_be_resumed_says_so_before_it_begins(
    stage: Stage,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    engine: str,
    processes: str,
    said: str,
) -> None:
    """Started again after a kill too; and it gets no state to go on from."""
    handed: list[State | None] = []

    def dies(*told: Any, **more: Any) -> None:
        state = more.get("state")
        handed.append(state)
        if state:
            with state.saving(3) as folder:
                write_json(folder / "x.json", {})
        raise HaechiError("killed")

    for name in ("haechi.training.static_learner.load_learner", "haechi.scoring.validation.Validation"):
        monkeypatch.setattr(name, lambda *told, **more: None)
    monkeypatch.setattr("haechi.training.engine.train", dies)
    monkeypatch.setattr("haechi.training.m3.train_m3", dies)
    monkeypatch.setenv("WORLD_SIZE", processes)

    assert stage(engine=engine, refresh_every=0) == 1
    lines = capsys.readouterr().out.splitlines()
    assert [line for line in lines if "can't be resumed" in line] == ([said] if said else [])
    assert [part is not None for part in handed] == [not said]
    assert bool(list((home() / "state/resume").rglob("state.json"))) == (not said)


def test_a_state_that_is_not_used_is_named(
    stage: Stage, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Killed as one process, started again as two."""
    monkeypatch.setattr(State, "last", lambda self: object())
    monkeypatch.setattr(State, "settle", lambda self: self._folder.mkdir(parents=True))
    for name in ("haechi.training.static_learner.load_learner", "haechi.scoring.validation.Validation"):
        monkeypatch.setattr(name, lambda *told, **more: None)
    monkeypatch.setenv("WORLD_SIZE", "2")

    def ends(*told: Any, **more: Any) -> None:
        raise HaechiError("enough")

    monkeypatch.setattr("haechi.training.engine.train", ends)

    assert stage() == 1
    assert f"{TWO}; what an earlier one has left is not used" in capsys.readouterr().out.splitlines()


@pytest.mark.usefixtures("without_torch")
def test_a_wrong_parameter_is_told_before_torch_is_imported(stage: Stage, capsys: pytest.CaptureFixture[str]) -> None:
    """Which takes seconds."""
    assert stage(lr=-1.0) == 1
    assert capsys.readouterr().err.startswith("error: ")
    with pytest.raises(AssertionError, match=r"torch|sentence_transformers"):
        stage()
