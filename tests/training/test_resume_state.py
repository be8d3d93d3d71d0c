"""What a killed stage had done is found again by the same work and by no other, whole or not at all."""

import json
import os
import shutil
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pipeline.checkout import ROOT, python

from haechi.runtime.files import sha256_folder, write_text
from haechi.training.resume import FACTS, Work, hashes, kept, prune, resumable


@pytest.fixture(autouse=True)
def root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("DVC_ROOT", str(tmp_path))
    monkeypatch.setenv("HAECHI_LOCK_WAIT", "0")
    return tmp_path


def work(**changes: object) -> Work:
    facts: dict[str, object] = {"stage": "train", "params": {"lr": 5e-5}, "inputs": {"base": "ab"}, "code": {"losses.py": "cd"}}
    return Work(**(facts | changes))  # type: ignore[arg-type]


class Stopped(Exception):
    """What ends a run before it is done."""


def run(steps: int, this: Work | None = None) -> Iterator[int]:
    """Do work step by step from where it was left: each step's file says which steps were done before it."""
    with resumable(this or work()) as state:
        last = state.last()
        done = (last.folder / "done").read_text().split() if last else []
        for number in range(last.number + 1 if last else 1, steps + 1):
            done.append(str(number))
            with state.saving(number) as folder:
                write_text(folder / "sub" / "weights", "w" * number)
                write_text(folder / "done", " ".join(done))
            yield number


def stop_after(number: int, this: Work | None = None) -> list[int]:
    """The steps that a run does which is stopped after one of them."""
    seen = []
    for step in (running := run(100, this)):
        seen.append(step)
        if step == number:
            break
    with pytest.raises(Stopped):
        running.throw(Stopped)
    return seen


# Going on


def test_a_stopped_run_goes_on_after_its_last_step() -> None:
    assert stop_after(3) == [1, 2, 3]
    assert stop_after(5) == [4, 5]
    assert list(run(7)) == [6, 7]


def test_a_run_that_ends_well_leaves_nothing() -> None:
    assert list(run(3)) == [1, 2, 3]
    assert kept() == []
    assert list(run(2)) == [1, 2]


def test_the_last_step_alone_is_kept_and_the_json_says_what_it_is() -> None:
    stop_after(4)
    (folder,) = kept()
    assert sorted(path.name for path in folder.iterdir()) == [FACTS, "step-00000004"]
    facts = json.loads((folder / FACTS).read_text())
    assert facts == {
        "stage": "train",
        "params": {"lr": 5e-5},
        "inputs": {"base": "ab"},
        "code": {"losses.py": "cd"},
        "fingerprint": work().fingerprint,
        "step": 4,
        "files": {"done": 7, "sub/weights": 4},
    }
    assert folder.name == work().fingerprint[:32]
    assert folder.parent.name == "train"


@pytest.mark.parametrize(
    "change",
    [
        {"stage": "mine"},
        {"params": {"lr": 1e-4}},
        {"params": {"lr": 5e-5, "seed": 1}},
        {"inputs": {"base": "ac"}},
        {"inputs": {"encoder": "ab"}},
        {"code": {"losses.py": "ce"}},
        {"code": {"losses.py": "cd", "engine.py": "cd"}},
    ],
)
def test_other_work_starts_from_nothing_and_both_are_kept(change: dict[str, object]) -> None:
    stop_after(2)
    assert stop_after(1, work(**change)) == [1]
    assert len(kept()) == 2
    assert stop_after(3) == [3]


WORKS = st.dictionaries(
    st.text(max_size=3), st.text(max_size=3) | st.floats(allow_nan=False) | st.lists(st.integers(-9, 9)), max_size=4
)
SHAS = st.dictionaries(st.text(max_size=3), st.text("abc", min_size=1, max_size=2), max_size=3)


@given(first=st.tuples(WORKS, SHAS, SHAS), second=st.tuples(WORKS, SHAS, SHAS))
def test_the_fingerprint_is_that_of_all_parts_in_any_order(
    first: tuple[dict, dict, dict], second: tuple[dict, dict, dict]
) -> None:  # type: ignore[type-arg]
    one, other = (Work("train", *parts) for parts in (first, second))
    same = json.dumps(first, sort_keys=True) == json.dumps(second, sort_keys=True)
    assert (one.fingerprint == other.fingerprint) == same
    turned = Work("train", *(dict(reversed(part.items())) for part in first))
    assert turned.fingerprint == one.fingerprint


def test_inputs_are_known_by_their_bytes(tmp_path: Path) -> None:
    write_text(tmp_path / "a" / "x", "1")
    write_text(tmp_path / "b" / "x", "1")
    write_text(tmp_path / "c", "1")
    assert hashes({"in": tmp_path / "a"}) == hashes({"in": tmp_path / "b"}) == {"in": sha256_folder(tmp_path / "a")}
    assert hashes({"in": tmp_path / "c"}) != hashes({"in": tmp_path / "a"})


# Kills


@pytest.mark.parametrize("moment", [0, 5, 9, 15, 16, 19, 20, 22, 23, 25, 27, 29])
def test_a_kill_at_any_moment_of_saving_leaves_a_whole_step(moment: int, root: Path) -> None:
    """Killed at the n-th change that saving the third step makes to the disk: what is found is step 2 or step 3, whole."""
    program = f"""
import os, signal, sys
sys.path.insert(0, {str(ROOT / "tests")!r})
from training.test_resume_state import run
changes = 0
def audit(event, arguments):
    global changes
    if armed and event in {{"open", "os.rename", "os.remove", "os.rmdir", "os.mkdir", "shutil.rmtree"}}:
        if changes == {moment}:
            os.kill(os.getpid(), signal.SIGKILL)
        changes += 1
armed = False
sys.addaudithook(audit)
steps = run(100)
next(steps), next(steps)
armed = True
next(steps)
print("saved after", changes)
"""
    done = python("-c", program, PYTHONPATH=str(ROOT / "src"), DVC_ROOT=str(root))
    assert done.returncode == -signal.SIGKILL, done.stdout + done.stderr
    assert stop_after(4) == ([3, 4] if moment <= 22 else [4]), "the 23rd change renames the JSON file: from then on step 3 counts"
    (folder,) = kept()
    assert (folder / "step-00000004" / "done").read_text() == "1 2 3 4"
    assert sorted(path.name for path in folder.iterdir()) == [FACTS, "step-00000004"]


def test_two_processes_never_share_a_state(root: Path) -> None:
    program = f"import sys; sys.path.insert(0, {str(ROOT / 'tests')!r}); from training.test_resume_state import run; from haechi.runtime.errors import HaechiError\ntry: next(run(1))\nexcept HaechiError as error: print(error)"
    with resumable(work()):
        done = python("-c", program, PYTHONPATH=str(ROOT / "src"), DVC_ROOT=str(root), HAECHI_LOCK_WAIT="0")
    assert f"process {os.getpid()} (" in done.stdout
    assert "has been writing it" in done.stdout


def test_an_error_while_a_step_is_written_leaves_the_one_before() -> None:
    stop_after(1)

    def failing() -> None:
        with resumable(work()) as state, state.saving(2) as folder:
            write_text(folder / "done", "half")
            raise Stopped

    with pytest.raises(Stopped):
        failing()
    assert list(run(2)) == [2]


def test_a_step_never_goes_back() -> None:
    stop_after(2)
    with pytest.raises(ValueError, match="step 2 comes after step 2"), resumable(work()) as state, state.saving(2):
        pass


# Damage


def damage(state: Path, how: str) -> None:
    step = state / "step-00000002"
    if how == "a file cut short":
        (step / "sub" / "weights").write_text("w")
    elif how == "a file gone":
        (step / "done").unlink()
    elif how == "a file too many":
        (step / "other").touch()
    elif how == "the step gone":
        shutil.rmtree(step)
    elif how == "another fingerprint":
        (state / FACTS).write_text((state / FACTS).read_text().replace(work().fingerprint, "0" * 64))
    else:
        (state / FACTS).write_text(how)


@pytest.mark.parametrize(
    "how",
    [
        "a file cut short",
        "a file gone",
        "a file too many",
        "the step gone",
        "another fingerprint",
        "",
        "{",
        "[]",
        '{"step": "x"}',
    ],
)
def test_a_damaged_state_is_said_and_starts_from_nothing(how: str, capsys: pytest.CaptureFixture[str]) -> None:
    stop_after(2)
    damage(kept()[0], how)
    assert stop_after(1) == [1]
    assert "train: the resume state in " in capsys.readouterr().out
    assert stop_after(2) == [2]


# Old ones


def test_states_that_nobody_touched_for_long_are_removed_but_for_those_in_use(root: Path) -> None:
    old, young, used = work(), work(stage="mine"), work(params={})
    for each in (old, young, used):
        stop_after(1, each)
    for folder in kept():
        if folder.parent.name == "train":
            os.utime(folder / FACTS, (1, 1))
    running = run(2, used)
    assert next(running) == 2, "its own state is not too old for who opens it; the other old one is gone"
    assert [folder.parent.name for folder in kept()] == ["mine", "train"]
    os.utime(kept()[1] / FACTS, (1, 1))
    assert prune(days=30) == []
    with pytest.raises(Stopped):
        running.throw(Stopped)
    (gone,) = prune(days=30)
    assert gone.name == used.fingerprint[:32]
    assert [folder.parent.name for folder in kept()] == ["mine"]
