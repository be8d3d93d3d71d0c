"""The mirror in Weights & Biases: what it copies, that it stays offline, and that its failures stop nothing."""

import sys
import time
from importlib.machinery import ModuleSpec
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from haechi.runtime.errors import HaechiError
from haechi.sweeps.engine.trial import Proposal, Trial
from haechi.sweeps.results.wandb_mirror import mirror

ENDED = Trial(3, Proposal({"train.lr": 1e-3}, 7), "complete", 0.61, {2: 0.6, 1: 0.5}, {"experiment": "mine-3"})


class StandIn(ModuleType):
    """What the mirror uses of wandb, noted down."""

    def __init__(self, problem: Exception | None = None) -> None:
        super().__init__("wandb")
        self.__spec__ = ModuleSpec("wandb", None, origin="a stand-in")
        self.begun: list[dict[str, Any]] = []
        self.logged: list[tuple[dict[str, float], int]] = []
        self.summary: dict[str, Any] = {}
        self.codes: list[int] = []
        self._problem = problem

    def Settings(self, **told: Any) -> dict[str, Any]:  # noqa: N802  (wandb's name)
        return told

    def init(self, **told: Any) -> "StandIn":
        if self._problem:
            raise self._problem
        self.begun.append(told)
        return self

    def log(self, values: dict[str, float], step: int) -> None:
        self.logged.append((values, step))

    def finish(self, exit_code: int) -> None:
        self.codes.append(exit_code)


@pytest.fixture
def wandb(monkeypatch: pytest.MonkeyPatch) -> StandIn:
    monkeypatch.delenv("WANDB_MODE", raising=False)
    monkeypatch.setitem(sys.modules, "wandb", found := StandIn())
    return found


def test_a_trial_is_copied_with_its_parameters_validations_and_end(wandb: StandIn, tmp_path: Path) -> None:
    mirror("law", "mine", tmp_path / "wandb")(ENDED)

    (told,) = wandb.begun
    assert (told["project"], told["group"], told["name"], told["dir"]) == ("law", "mine", "mine-3", str(tmp_path / "wandb"))
    assert told["config"] == {"train.lr": 1e-3, "seed": 7, "kind": "trial"}
    assert wandb.logged == [({"validation": 0.5}, 1), ({"validation": 0.6}, 2)]
    assert wandb.summary == {"value": 0.61, "state": "complete"}
    assert wandb.codes == [0]


def test_a_failed_trial_is_a_failed_run(wandb: StandIn, tmp_path: Path) -> None:
    from dataclasses import replace

    mirror("law", "mine", tmp_path)(replace(ENDED, state="failed", value=None))
    assert wandb.codes == [1]


def test_it_is_offline_unless_the_environment_says_otherwise(
    wandb: StandIn, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    mirror("law", "mine", tmp_path)(ENDED)
    monkeypatch.setenv("WANDB_MODE", "online")
    mirror("law", "mine", tmp_path)(ENDED)
    assert [told["mode"] for told in wandb.begun] == ["offline", "online"]
    assert all(told["settings"]["disable_git"] for told in wandb.begun)  # no remote address, no diff of the code


def test_a_mirror_that_fails_says_so_without_its_message_and_stops_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setitem(sys.modules, "wandb", StandIn(RuntimeError("api key abc123 is invalid")))
    mirror("law", "mine", tmp_path)(ENDED)
    captured = capsys.readouterr()
    said = captured.out + captured.err
    assert "trial 3 was not mirrored (RuntimeError)" in said
    assert "abc123" not in said


def test_without_the_package_the_option_names_the_extra(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "wandb", None)  # as Python has it for a module that can't be imported
    with pytest.raises(HaechiError, match=r"--wandb needs the extra"):
        mirror("law", "mine", tmp_path)


@pytest.mark.slow
def test_the_real_package_writes_a_run_without_a_network(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("wandb")
    monkeypatch.delenv("WANDB_MODE", raising=False)
    monkeypatch.setenv("WANDB_BASE_URL", "http://127.0.0.1:9")  # whoever called out would fail
    mirror("law", "mine", tmp_path)(ENDED)
    (run,) = (tmp_path / "wandb").glob("offline-run-*")
    deadline = time.monotonic() + 60
    written = b""
    while not (b"train.lr" in written and b"0.61" in written) and time.monotonic() < deadline:  # by a process of its own
        written = b"".join(file.read_bytes() for file in run.rglob("*.wandb"))
        time.sleep(0.1)
    assert b"train.lr" in written
    assert b"0.61" in written
