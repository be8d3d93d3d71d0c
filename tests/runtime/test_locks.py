"""Never two writers on one output: tried with real processes, kill -9 included."""

import os
import re
import shlex
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from pipeline import forked
from pipeline.checkout import ROOT, STAGES
from ruamel.yaml import YAML
from waiting import ENOUGH, eventually

from haechi.runtime import locks
from haechi.runtime.errors import HaechiError
from haechi.runtime.files import write_text
from haechi.runtime.locks import holder_of, lock_of, writing

STAGE_NAMES = sorted(script.stem for script in STAGES.glob("[!_]*.py"))

Start = Callable[..., "subprocess.Popen[str]"]


@pytest.fixture(autouse=True)
def root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A project of its own, so that locks don't meet those of another test."""
    folder = tmp_path / "project"
    folder.mkdir()
    monkeypatch.setenv("DVC_ROOT", str(folder))
    monkeypatch.delenv("HAECHI_LOCK_WAIT", raising=False)
    return folder


@pytest.fixture
def start(root: Path) -> Iterator[Start]:
    """Start a Python program with the library at hand; whatever still runs at the end is ended."""
    running: list[subprocess.Popen[str]] = []

    def begin(program: str, *arguments: object, cwd: Path = root, **environment: str) -> "subprocess.Popen[str]":
        process = subprocess.Popen(
            [sys.executable, "-c", PREAMBLE + program, *map(str, arguments)],
            cwd=cwd,
            env={**os.environ, "PYTHONPATH": str(ROOT / "src"), **environment},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        running.append(process)
        return process

    yield begin
    for process in running:
        process.kill()
        process.wait()


PREAMBLE = """
import os, sys, time
from pathlib import Path
from haechi.runtime.command import run
from haechi.runtime.locks import writing
"""
HOLD = """
with writing(*map(Path, sys.argv[1:])):
    print("holding", flush=True)
    sys.stdin.readline()
print("free", flush=True)
"""
WRITE = """
import click
@click.command()
@click.argument("out", type=Path)
def main(out):
    with writing(out):
        out.write_text(str(os.getpid()))
run(main)
"""


def holding(start: Start, *outputs: object, **more: str) -> "subprocess.Popen[str]":
    process = start(HOLD, *outputs, **more)
    assert line_of(process) == "holding\n"
    return process


def line_of(process: "subprocess.Popen[str]") -> str:
    assert process.stdout
    return process.stdout.readline()


def released(process: "subprocess.Popen[str]") -> str:
    """What a process says after it was told to go on."""
    return process.communicate("\n", timeout=ENOUGH)[0]


# One writer


def test_writers_of_one_output_take_turns(start: Start, tmp_path: Path) -> None:
    """Six processes, 40 turns each: the file is removed and made anew between turns, and nobody slips through."""
    program = """
    out, journal = Path(sys.argv[1]), open(sys.argv[2], "ab", buffering=0)
    for turn in range(40):
        with writing(out):
            journal.write(f"begin {os.getpid()}\\n".encode())
            time.sleep(0.001)
            journal.write(f"end {os.getpid()}\\n".encode())
    """.replace("\n    ", "\n")
    for process in [start(program, tmp_path / "out", tmp_path / "journal") for _ in range(6)]:
        said, _ = process.communicate(timeout=ENOUGH)
        assert process.returncode == 0, said
    words = [line.split() for line in (tmp_path / "journal").read_text().splitlines()]
    assert len(words) == 6 * 40 * 2
    assert [word for word, _ in words] == ["begin", "end"] * (6 * 40)
    assert all(begin[1] == end[1] for begin, end in zip(words[::2], words[1::2], strict=True))


def test_the_second_writer_says_at_once_whom_it_waits_for_and_then_writes(start: Start, root: Path) -> None:
    first = holding(start, "out")
    second = start(WRITE, "out")
    said = line_of(second)
    assert said.startswith(f"out: process {first.pid} (`-c out`, since 20")
    assert "is writing it; waiting up to 600 s" in said
    assert f"`kill {first.pid}`" in said
    assert not (root / "out").exists()
    assert released(first) == "free\n"
    assert second.wait(timeout=ENOUGH) == 0
    assert (root / "out").read_text() == str(second.pid)


def test_after_the_wait_one_sentence_names_the_process_and_how_to_end_it(start: Start, root: Path) -> None:
    """And that command ends it: the next run goes through."""
    first = holding(start, "out")
    second = start(WRITE, "out", HAECHI_LOCK_WAIT="0.3")
    said = second.communicate(timeout=ENOUGH)[0].splitlines()
    assert second.returncode == 1
    assert len(said) == 2
    assert re.match(
        rf"error: out: process {first.pid} \(`-c out`, since .*\) has been writing it for longer than 0\.3 s; ", said[1]
    )
    (command,) = re.findall(rf"`(kill {first.pid})`", said[1])
    subprocess.run(shlex.split(command), check=True)
    assert first.wait(timeout=ENOUGH) == -signal.SIGTERM
    assert start(WRITE, "out", HAECHI_LOCK_WAIT="0").wait(timeout=ENOUGH) == 0


def test_a_lock_that_was_freed_and_taken_again_between_opening_and_locking_is_seen(
    start: Start, root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The file that was opened has lost its name by then; locking it would make a second writer."""
    first = holding(start, root / "out")
    second: list[subprocess.Popen[str]] = []

    def opened(lock: Path) -> int:
        descriptor = real(lock)
        if not second:
            released(first)
            second.append(holding(start, root / "out"))
        return descriptor

    real = locks._opened
    monkeypatch.setattr(locks, "_opened", opened)
    monkeypatch.setenv("HAECHI_LOCK_WAIT", "0")
    with pytest.raises(HaechiError) as caught, writing(root / "out"):
        pass
    assert f"process {second[0].pid} " in str(caught.value)


def test_a_process_killed_hard_leaves_no_lock(start: Start, root: Path) -> None:
    first = holding(start, "out", "metrics")
    assert holder_of(lock_of(root / "out")) is not None
    first.kill()
    first.wait()
    assert lock_of(root / "out").exists(), "the file is left, the lock isn't"
    assert holder_of(lock_of(root / "out")) is None
    with writing(root / "metrics", root / "out", wait=0):
        pass
    assert not lock_of(root / "out").exists()


def test_the_lock_names_its_holder(start: Start, root: Path) -> None:
    first = holding(start, "out", DVC_STAGE="mine")
    holder = holder_of(lock_of(root / "out"))
    assert holder is not None
    assert (holder["pid"], holder["stage"], holder["output"]) == (first.pid, "mine", str(root / "out"))
    assert holder_of(lock_of(root / "other")) is None


def test_one_process_can_not_lock_an_output_twice(root: Path) -> None:
    """It would wait for itself."""
    with writing(root / "a", root / "a", root / "b"):
        with pytest.raises(HaechiError, match="this process is writing it already"), writing(root / "c", root / "b"):
            pass
        with writing(root / "c"):
            assert holder_of(lock_of(root / "b")) is not None, "the refusal freed nothing"
    with writing(root / "b"):
        pass


def test_an_error_frees_the_lock(root: Path) -> None:
    with pytest.raises(ValueError, match="x"), writing(root / "a"):
        raise ValueError("x")
    assert list((root / ".haechi/state/locks").iterdir()) == []


def test_an_output_that_can_not_be_written_is_said_before_any_work_and_frees_the_locks(root: Path) -> None:
    (root / "file").touch()
    with pytest.raises(HaechiError, match=r"file/out: can't write here"), writing(root / "a", root / "file" / "out"):
        pytest.fail("the work began")
    assert list((root / ".haechi/state/locks").iterdir()) == []


@pytest.mark.parametrize("told", ["soon", "-1", "nan", "inf"])
def test_a_wait_that_is_no_number_of_seconds_is_refused(told: str, root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HAECHI_LOCK_WAIT", told)
    with pytest.raises(HaechiError, match="HAECHI_LOCK_WAIT should be a number, 0 or more"), writing(root / "a"):
        pass


# Which output


def test_an_experiment_in_another_folder_waits_for_nobody(start: Start, root: Path) -> None:
    """The same relative path, the same DVC_ROOT, another absolute path: as a temp or queued experiment has it."""
    (root / "temp").mkdir()
    holding(start, "out")
    second = start(WRITE, "out", cwd=root / "temp", HAECHI_LOCK_WAIT="0")
    assert second.wait(timeout=ENOUGH) == 0


@pytest.mark.parametrize("spelling", ["out", "./sub/../out", "link/out"])
def test_one_place_has_one_lock_however_it_is_spelled(spelling: str, start: Start, root: Path) -> None:
    (root / "sub").mkdir()
    (root / "link").symlink_to(root)
    holding(start, root / "out")
    assert start(WRITE, spelling, HAECHI_LOCK_WAIT="0").wait(timeout=ENOUGH) == 1


def test_an_output_that_is_a_link_is_locked_where_it_stands(root: Path) -> None:
    """DVC may link two outputs with the same bytes to one file of its cache."""
    (root / "cache").touch()
    for name in ("a", "b"):
        (root / name).symlink_to(root / "cache")
    assert len({lock_of(root / name) for name in ("a", "b", "cache")}) == 3


@pytest.mark.parametrize("names", [("a", "b", "c"), ("c", "b", "a"), ("b", "c", "a")])
def test_locks_are_taken_in_one_order(names: tuple[str, ...], start: Start, root: Path) -> None:
    """So two stages never wait for each other: who waits for the first lock holds none of the others."""
    first, *others = sorted(names, key=lambda name: lock_of(root / name))
    holding(start, first)
    waiting = start(HOLD, *names)
    assert line_of(waiting).startswith(f"{first}: process ")
    assert [holder_of(lock_of(root / name)) for name in others] == [None, None]


# Children


@pytest.mark.parametrize(
    "child", ["os.fork() == 0 and (time.sleep(60), os._exit(0))", "__import__('subprocess').Popen(['sleep', '60'])"]
)
def test_a_child_does_not_keep_the_lock_of_a_killed_parent(child: str, start: Start, root: Path) -> None:
    """Neither a forked nor a started one: the lock is free although the child lives."""
    program = f"with writing(Path('out')):\n    {child}\n    print('holding', flush=True)\n    time.sleep(60)\n"
    parent = start(program)
    assert line_of(parent) == "holding\n"
    (born,) = Path(f"/proc/{parent.pid}/task/{parent.pid}/children").read_text().split()
    try:
        assert holder_of(lock_of(root / "out")) is not None
        parent.kill()
        parent.wait()
        assert eventually(
            lambda: holder_of(lock_of(root / "out")) is None
        )  # a child forked a moment ago may not have closed its copy yet
        assert Path(f"/proc/{born}").exists()
    finally:
        os.kill(int(born), signal.SIGKILL)


def test_a_forked_child_that_ends_takes_no_lock_with_it(start: Start, root: Path) -> None:
    """Also when it leaves the block by the front door, as a worker that raises does."""
    program = """
with writing(Path('out')):
    if os.fork() == 0:
        sys.exit(0)
    os.wait()
    print("holding", flush=True)
    sys.stdin.readline()
"""
    parent = start(program)
    assert line_of(parent) == "holding\n"
    assert (holder_of(lock_of(root / "out")) or {}).get("pid") == parent.pid
    assert released(parent) == ""
    assert parent.returncode == 0


# What a killed writer leaves


def test_what_a_killed_writer_left_is_removed_by_the_next_one(root: Path) -> None:
    """Its own temporaries, not those of a neighbour whose name begins alike, and nothing else."""
    kept = {"run", "run.json", ".run.notes.tmp", ".runs.abcdefgh.tmp", ".run.json.abcdefgh.tmp"}
    for name in {*kept, ".run.abcdefgh.tmp"}:
        write_text(root / name, "")
    (root / ".run.0_cdefgh.tmp" / "checkpoints").mkdir(parents=True)
    with writing(root / "run"):
        assert {path.name for path in root.iterdir()} == {*kept, ".haechi"}


@pytest.mark.parametrize(
    "write",
    [
        "with files.atomic_folder(Path('out')) as folder:\n    (folder / 'x').touch()\n    os.kill(os.getpid(), 9)",
        "with files.atomic_file(Path('out')) as stream:\n    os.kill(os.getpid(), 9)",
        "os.close = lambda _: os.kill(os.getpid(), 9)\nfiles.ensure_writable(Path('out'))",
    ],
)
def test_a_killed_writers_temporaries_are_known_by_their_names(write: str, start: Start, root: Path) -> None:
    """Held against what the writers really leave, so that the names can't drift apart."""
    assert start(f"from haechi.runtime import files\n{write}\n").wait(timeout=ENOUGH) == -signal.SIGKILL
    left = [path for path in root.iterdir() if path.name != ".haechi"]
    assert len(left) == 1
    with writing(root / "out"):
        assert not left[0].exists()


# The pipeline


@pytest.mark.parametrize(
    "stage", [pytest.param(name, marks=[pytest.mark.slow] if name == "train" else []) for name in STAGE_NAMES]
)
def test_a_stage_locks_exactly_what_dvc_yaml_says_it_writes(stage: str) -> None:
    entry = YAML(typ="safe").load((ROOT / "dvc.yaml").read_text(encoding="utf-8"))["stages"][stage]
    declared = {name if isinstance(name, str) else next(iter(name)) for name in [*entry["outs"], *entry.get("metrics", [])]}
    assert forked.locked_by(stage, *shlex.split(entry["cmd"])[2:]) == declared


TINY = """
stages:
  slow:
    cmd: {python} slow.py
    deps: [slow.py, input]
    outs: [out]
"""
SLOW = """
import sys, time
sys.path.insert(0, {src!r})
from pathlib import Path
from haechi.runtime.locks import writing
from haechi.runtime.files import write_text
with writing(Path("out")):
    text = Path("input").read_text()
    Path("started").touch()
    while not Path("go").exists():
        time.sleep(0.02)
    write_text(Path("out"), text)
"""


@pytest.mark.slow
def test_a_rerun_after_dvc_was_killed_waits_for_the_script_that_it_left(root: Path) -> None:
    """The orphan began with the old input; in the end the output is that of the new one, and DVC agrees."""
    (root / "dvc.yaml").write_text(TINY.format(python=sys.executable))
    (root / "slow.py").write_text(SLOW.format(src=str(ROOT / "src")))
    (root / "input").write_text("old")
    environment = {key: value for key, value in os.environ.items() if key != "DVC_ROOT"} | {"DVC_NO_ANALYTICS": "1"}
    dvc = [sys.executable, "-m", "dvc"]
    subprocess.run([*dvc, "init", "-q", "--no-scm"], cwd=root, env=environment, check=True)

    first = subprocess.Popen([*dvc, "repro", "-q"], cwd=root, env=environment)
    assert eventually((root / "started").exists)
    orphan = (holder_of(lock_of(root / "out")) or {})["pid"]
    assert isinstance(orphan, int)
    first.kill()
    first.wait()
    assert Path(f"/proc/{orphan}").exists()
    (root / "input").write_text("new")

    with (root / "log").open("w") as log:
        second = subprocess.Popen([*dvc, "repro"], cwd=root, env=environment, stdout=log, stderr=log)
        assert eventually(lambda: f"out: process {orphan} (`slow.py`" in (root / "log").read_text())
        (root / "go").touch()
        assert second.wait(timeout=ENOUGH) == 0, (root / "log").read_text()
    assert (root / "out").read_text() == "new"
    status = subprocess.run([*dvc, "status"], cwd=root, env=environment, capture_output=True, text=True, check=True)
    assert "up to date" in status.stdout
