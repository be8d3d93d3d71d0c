"""Resume state: what a long stage has done so far, kept outside DVC's outputs and found again by what determines it.

DVC deletes the outputs of a stage before it runs it, so a killed run's progress can't live there. It lives under
`.haechi/state/resume/<stage>/<fingerprint>/` of the main checkout, where a rerun with the same parameters, inputs and code
finds it, in another folder too (a temp experiment gets a new one each time), and where nothing else does:

    with resumable(Work("train", params=asdict(settings), inputs=hashes(...), code=hashes(...))) as state:
        if last := state.last():
            ...                                 # load from last.folder, go on after last.number
        with state.saving(step) as folder:      # a step is there whole or not at all
            ...                                 # write files into folder
        ...                                     # write the stage's outputs
    # a block that ends well discards its state; one that raises, or is killed, leaves it for the next run
"""

import os
import shutil
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass
from functools import cached_property
from hashlib import sha256
from pathlib import Path
from typing import Any

import orjson

from haechi.runtime.environment import home
from haechi.runtime.errors import HaechiError
from haechi.runtime.files import atomic_folder, read_json, remove, sha256_file, sha256_folder, write_json
from haechi.runtime.locks import writing
from haechi.runtime.progress import say

SCHEMA = 1
FACTS = "state.json"
STALE_DAYS = 30.0
"""State that nobody has touched for so long is removed when the next one is opened."""


@dataclass(frozen=True)
class Work:
    """What is being done: everything that decides its result."""

    stage: str
    params: Mapping[str, Any]
    inputs: Mapping[str, str]
    """What an input is to the stage -> its sha256; never its path, which differs between experiments."""
    code: Mapping[str, str]
    """Module -> its sha256."""

    @cached_property
    def fingerprint(self) -> str:
        """One sha256 over all of it, whatever order it was written down in."""
        return sha256(orjson.dumps([SCHEMA, asdict(self)], option=orjson.OPT_SORT_KEYS)).hexdigest()


@dataclass(frozen=True)
class Step:
    """The last thing that was saved: its number and the folder that holds its files."""

    number: int
    folder: Path


class State:
    """The state of one piece of work, of which this process is the only writer; `resumable` makes one."""

    def __init__(self, work: Work, folder: Path) -> None:
        self._work, self._folder = work, folder

    def last(self) -> Step | None:
        """The step to go on from; None if there is none, or none that is whole."""
        if not (self._folder / FACTS).exists():
            return None
        try:
            facts = read_json(self._folder / FACTS)
            number, files = int(facts["step"]), dict(facts["files"])
            folder = self._folder / _name(number)
            whole = facts["fingerprint"] == self._work.fingerprint and _sizes(folder) == files
        except (HaechiError, KeyError, TypeError, ValueError):
            whole = False
        if not whole:
            say(f"{self._work.stage}: the resume state in {self._folder} is damaged; starting again from nothing")
            return None
        return Step(number, folder)

    def again(self) -> str:
        """How the same work would begin if it were started now."""
        last = self.last()
        return f"goes on at step {last.number}" if last else "begins at step 0, since no state was saved yet"

    @contextmanager
    def saving(self, number: int) -> Iterator[Path]:
        """A folder to write a step into; when the block ends, this step takes the place of the one before."""
        last = self.last()
        if last and number <= last.number:
            raise ValueError(f"step {number} comes after step {last.number}")
        folder = self._folder / _name(number)
        with atomic_folder(folder) as temporary:
            yield temporary
            for file in temporary.rglob("*"):
                _to_disk(file)
        facts = {"fingerprint": self._work.fingerprint, "step": number, "files": _sizes(folder), **asdict(self._work)}
        write_json(self._folder / FACTS, facts)  # from here on this step counts; until now the one before did
        self._tidy(keep=folder)

    def discard(self) -> None:
        """Remove all of it; `resumable` does so when its block ends well."""
        remove(self._folder / FACTS)  # first, so that what is left of an interrupted removal counts for nothing
        shutil.rmtree(self._folder)

    def _tidy(self, keep: Path | None) -> None:
        """Remove older steps and what a killed process left of a newer one."""
        for path in self._folder.iterdir():
            if path != keep and path.name != FACTS:
                remove(path)

    def settle(self) -> None:
        """Make the folder, or bring the one that is there in order."""
        self._folder.mkdir(parents=True, exist_ok=True)
        last = self.last()
        if last is None:
            remove(self._folder / FACTS)
        self._tidy(keep=last.folder if last else None)


@contextmanager
def resumable(work: Work) -> Iterator[State]:
    """The state of this work, to go on from and to add to; discarded if the block ends well, kept if it doesn't.

    A second process with the very same work waits, as for an output.
    """
    folder = _root() / work.stage / work.fingerprint[:32]
    with writing(folder):
        state = State(work, folder)
        state.settle()
        prune()
        try:
            yield state
        except KeyboardInterrupt:
            say(f"{work.stage}: interrupted; the same run again {state.again()}")
            raise
        state.discard()


def hashes(paths: Mapping[str, Path]) -> dict[str, str]:
    """The sha256 of each file or folder, under the same name."""
    return {name: sha256_folder(path) if path.is_dir() else sha256_file(path) for name, path in paths.items()}


def kept() -> list[Path]:
    """The folders of all states that wait to be resumed."""
    return sorted(facts.parent for facts in _root().glob(f"*/*/{FACTS}"))


def prune(days: float = STALE_DAYS) -> list[Path]:
    """Remove states that nobody has touched for so many days and nobody is using; their work starts from nothing again."""
    removed = []
    for folder in kept():
        with suppress(HaechiError, FileNotFoundError):  # someone is using it, or was faster
            if _age(folder) > days:
                with writing(folder, wait=0):
                    if _age(folder) > days:
                        shutil.rmtree(folder)
                        removed.append(folder)
    return removed


def _root() -> Path:
    return home() / "state" / "resume"


def _name(number: int) -> str:
    return f"step-{number:08d}"


def _age(folder: Path) -> float:
    """Days since the last step was saved."""
    return (time.time() - (folder / FACTS).stat().st_mtime) / 86_400


def _sizes(folder: Path) -> dict[str, int]:
    """Every file with its length: what a crash of the machine cuts short."""
    return {file.relative_to(folder).as_posix(): file.stat().st_size for file in sorted(folder.rglob("*")) if file.is_file()}


def _to_disk(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
