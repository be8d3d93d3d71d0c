"""Rebuilds the frozen test set: the new one is made beside the old one, and takes its place only when it is whole."""

import os
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from haechi.pipeline.dvc_yaml import stage_command
from haechi.runtime import locks
from haechi.runtime.errors import HaechiError
from haechi.runtime.files import read_json, remove, write_bytes
from haechi.runtime.progress import say
from haechi.testset.manifest import MANIFEST, QRELS, QUERIES, TREC

FOLDER, METRICS = "data/testset", "metrics/testset.json"
BESIDE = ".haechi/testset"
FILES = (*(f"{FOLDER}/{name}" for name in (QUERIES, QRELS, TREC, MANIFEST)), METRICS)


def refresh_testset(root: Path) -> None:
    """Run the stage's own command elsewhere, put its files in place, and have DVC record them; a failure changes nothing."""
    beside = root / BESIDE
    with locks.writing(beside):
        remove(beside)  # what a killed refresh left
        try:
            _build(root, beside)
            made = {name: (beside / name).read_bytes() for name in FILES}
        finally:
            remove(beside)
    before = _fingerprint(root)
    with locks.writing(*(root / name for name in FILES)), _restored_on_failure(root):
        for name, content in made.items():
            write_bytes(root / name, content)
        _record(root)
    now = _fingerprint(root)
    if now == before:
        say(f"testset: the same set as before, {now}")
    else:
        say(f"testset: {now}{f' instead of {before}: figures of the two can not be compared' if before else ''}; next: dvc repro")


def _build(root: Path, beside: Path) -> None:
    command = stage_command(root, "testset", beside)
    say("Running stage 'testset', beside the present set")
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    if subprocess.run(command, cwd=root, env=environment, check=False).returncode:
        raise HaechiError("testset: no new set could be built, see above; the old one is as it was")


@contextmanager
def _restored_on_failure(root: Path) -> Iterator[None]:
    """Put the old files back where the new ones couldn't be recorded."""
    old = {name: (root / name).read_bytes() if (root / name).is_file() else None for name in (*FILES, "dvc.lock")}
    try:
        yield
    except BaseException:
        _put_back(root, old)
        raise


def _put_back(root: Path, old: Mapping[str, bytes | None]) -> None:
    for name, content in old.items():
        if content is None:
            remove(root / name)
        else:
            write_bytes(root / name, content)


def _record(root: Path) -> None:
    """The frozen stage's entry in dvc.lock; its code and data are today's."""
    command = [sys.executable, "-m", "dvc", "commit", "--quiet", "--force", "testset"]
    done = subprocess.run(command, cwd=root, check=False, capture_output=True, text=True)
    if done.returncode:
        said = done.stderr.strip().splitlines()
        raise HaechiError(
            f"testset: DVC could not record the new set ({said[-1] if said else done.returncode}); the old one is back"
        )


def _fingerprint(root: Path) -> str:
    """Of the set that lies there; empty without one."""
    file = root / FOLDER / MANIFEST
    return str(read_json(file)["fingerprint"]) if file.is_file() else ""
