"""Calls that got no answer: one line each in a file that is not tracked, with the reason and how often it was tried.

Lines are appended as calls fail, so a killed run leaves what it knew; of several lines with one key the last holds.
What is in the ledger is asked for again by the next run, after everything else.
"""

import fcntl
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

import msgspec
import orjson

from haechi.llm.requests import Task
from haechi.runtime.environment import home
from haechi.runtime.errors import HaechiError
from haechi.runtime.files import write_jsonl


def refuse_failures(failed: Mapping[str, int], detail: str, calls: int, task: Task, most: float) -> None:
    """End with one sentence if a larger share of the calls got no answer than `most`; `detail` is what the server said last."""
    count = sum(failed.values())
    if count > most * calls:
        reasons = ", ".join(f"{reason} {number}" for reason, number in sorted(failed.items()))
        last = f", the last one: {detail}" if detail else ""
        raise HaechiError(
            f"{count} of {calls} calls to {task.model.name} got no answer ({reasons}{last}; all are in "
            f"{ledger_path(task.namespace.name)}); run the same command again to ask for those alone, "
            "or set llm.max_failed_share to go on without them"
        )


@dataclass(frozen=True, slots=True)
class Failure:
    """A call without an answer."""

    key: str
    """Hex of the key that its row would have."""
    id: str
    """What it was about: passage or question, and style."""
    reason: str
    detail: str
    """What the server said."""
    tries: int
    """Requests made for it so far."""
    runs: int
    """Runs that it failed in."""


class Ledger:
    """The failures of one namespace."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._failures = _read(path)

    def __contains__(self, key: bytes) -> bool:
        return key.hex() in self._failures

    def __iter__(self) -> Iterator[Failure]:
        return iter(self._failures.values())

    def why(self, key: bytes) -> Failure:
        """How a call failed."""
        return self._failures.get(key.hex()) or Failure(key.hex(), "", "never tried", "", 0, 0)

    def add(self, failure: Failure) -> None:
        """Write a failure down, on top of what is known of the call."""
        if before := self._failures.get(failure.key):
            failure = replace(failure, tries=failure.tries + before.tries, runs=failure.runs + before.runs)
        self._failures[failure.key] = failure
        self.path.parent.mkdir(parents=True, exist_ok=True)
        with _alone(self.path), self.path.open("a+b") as stream:
            if stream.tell() and (stream.seek(-1, os.SEEK_END), stream.read(1))[1] != b"\n":  # a crash cut the last line
                stream.write(b"\n")
            stream.write(orjson.dumps(failure, option=orjson.OPT_APPEND_NEWLINE))

    def clear(self, answered: set[str]) -> None:
        """Take the calls that have been answered since (hex keys) off the list, and leave one line a call."""
        if not self.path.exists():
            return
        with _alone(self.path):  # another process may have written since
            self._failures = {key: failure for key, failure in _read(self.path).items() if key not in answered}
            write_jsonl(self.path, self._failures.values())


def ledger_path(namespace: str) -> Path:
    """Where the failures of a namespace stand."""
    return home() / "failures" / f"{namespace}.jsonl"


def _read(path: Path) -> dict[str, Failure]:
    """The last line of each call; a line that a crash cut is left out, since its call will be made again anyway."""
    failures: dict[str, Failure] = {}
    if path.exists():
        for line in path.read_bytes().splitlines():
            try:
                failure = msgspec.json.decode(line, type=Failure)
            except (msgspec.DecodeError, UnicodeDecodeError):
                continue
            failures[failure.key] = failure
    return failures


@contextmanager
def _alone(path: Path) -> Iterator[None]:
    with path.with_suffix(".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield
