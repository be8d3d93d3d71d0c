"""Stages as programs of their own, forked from a process that has imported what they need: seconds of imports are paid once.

Each has its own folder, environment, arguments and output, and ends as a started one would; only its libraries are there already.
"""

import multiprocessing
import os
import runpy
import subprocess
import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory

from pipeline.checkout import ROOT, STAGES, kept_environment

_SERVER = multiprocessing.get_context("forkserver")
_SERVER.set_forkserver_preload(
    [
        "haechi.runtime.check_params",
        "haechi.parsing.ingest",
        "haechi.pairs.stage",
        "haechi.static_model.build",
        "haechi.questions.generate",
        "haechi.llm.judge",
        "haechi.mining.stage",
        "haechi.selection.stage",
        "haechi.evaluation.stage",
        "haechi.report.make",
    ]
)
ENOUGH = 120


def stage(name: str, *arguments: object, cwd: Path, **environment: str) -> "subprocess.CompletedProcess[str]":
    """Run a script of stages/ as `python` would."""
    return _ended(_run, name, arguments, cwd, environment)


def locked_by(name: str, *arguments: object) -> set[str]:
    """The outputs that a script would lock; instead, it ends there."""
    done = _ended(_run_up_to_locks, name, arguments, ROOT, {})
    assert done.returncode == 0, done.stderr
    return set(done.stdout.splitlines())


def _ended(
    run: Callable[[list[str]], None], name: str, arguments: Sequence[object], cwd: Path, environment: Mapping[str, str]
) -> "subprocess.CompletedProcess[str]":
    with TemporaryDirectory() as scratch:
        outputs = Path(scratch, "out"), Path(scratch, "err")
        command = [str(STAGES / f"{name}.py"), *map(str, arguments)]
        process = _SERVER.Process(target=_alone, args=(run, command, cwd, {**kept_environment(), **environment}, outputs))
        process.start()
        process.join(ENOUGH)
        assert process.exitcode is not None, f"{name} still runs after {ENOUGH} s"
        return subprocess.CompletedProcess(command, process.exitcode, *(file.read_text(encoding="utf-8") for file in outputs))


def _alone(
    run: Callable[[list[str]], None], command: list[str], cwd: Path, environment: Mapping[str, str], outputs: tuple[Path, Path]
) -> None:
    for number, file in enumerate(outputs, start=1):
        os.dup2(os.open(file, os.O_CREAT | os.O_WRONLY), number)
    os.chdir(cwd)
    os.environ.clear()
    os.environ.update(environment)
    sys.argv, sys.path[:0] = command, [str(STAGES)]
    run(command)


def _run(command: list[str]) -> None:
    runpy.run_path(command[0], run_name="__main__")


def _run_up_to_locks(command: list[str]) -> None:
    from haechi.runtime import locks

    def writing(*outputs: Path) -> None:
        sys.stdout.write("".join(f"{output}\n" for output in outputs))
        sys.exit(0)

    locks.writing = writing
    _run(command)
