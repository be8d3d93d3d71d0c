"""Processes that read documents side by side; one that hangs is killed, one that dies is started again.

Not multiprocessing: it would run the stage's script again in each child, or fork a process that has threads and locks.
"""

import os
import subprocess
import sys
from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from queue import SimpleQueue
from threading import Timer
from typing import Any

import orjson

from haechi.parsing import worker

SECONDS = 120.0
SECONDS_PER_MEGABYTE = 4.0
TRANSIENT = frozenset({"took_too_long", "reader_died", "out_of_memory"})
"""Reasons that say something of this machine, too."""
_KEPT = ("PATH", "LD_LIBRARY_PATH", "LANG", "LC_ALL", "TMPDIR")
_SOURCE = Path(__file__).resolve().parents[2]

Job = tuple[Path, str]
"""A file and the name of its format."""


class Pool:
    """So many workers, each driven by a thread of its own; answers come in the order of the jobs."""

    def __init__(self, size: int) -> None:
        self._threads = ThreadPoolExecutor(size)
        self._workers = [_Worker() for _ in range(size)]
        self._idle: SimpleQueue[_Worker] = SimpleQueue()
        for one in self._workers:
            self._idle.put(one)

    def map(self, jobs: Iterable[Job]) -> Iterator[dict[str, Any]]:
        """The answer to every job."""
        return self._threads.map(self._answer, jobs)

    def close(self) -> None:
        """End all of them, also those at work."""
        for one in self._workers:
            one.kill()
        self._threads.shutdown(cancel_futures=True)

    def _answer(self, job: Job) -> dict[str, Any]:
        free = self._idle.get()
        try:
            path, name = job
            return free.answer(name, path.read_bytes())
        except OSError as error:
            return {"reason": "reader_died", "detail": f"can't be opened ({error.strerror})"}
        finally:
            self._idle.put(free)


class _Worker:
    """A process that is started when it has something to do."""

    def __init__(self) -> None:
        self._process: subprocess.Popen[bytes] | None = None

    def answer(self, name: str, data: bytes) -> dict[str, Any]:
        """What the worker says of a document, or that it hung or died over it."""
        limit = SECONDS + SECONDS_PER_MEGABYTE * len(data) / 2**20
        process = self._process = self._process if self._process and self._process.poll() is None else _start()
        late = _Deadline(limit, process)
        late.start()
        try:
            answer = _exchange(process, name, data)
        finally:
            late.cancel()
        if answer is not None:
            return answer
        process.wait()
        if late.passed:
            return {"reason": "took_too_long", "detail": f"was not read in {limit:.0f} seconds: divide it, or take it away"}
        return {"reason": "reader_died", "detail": "made its reader crash: save it again, or take it away"}

    def kill(self) -> None:
        """End it, whatever it does."""
        if self._process:
            self._process.kill()
            self._process.communicate()


class _Deadline(Timer):
    """Kills a process, and remembers that it did."""

    def __init__(self, seconds: float, process: subprocess.Popen[bytes]) -> None:
        super().__init__(seconds, self._pass)
        self.daemon, self.passed, self._process = True, False, process

    def _pass(self) -> None:
        self.passed = True
        self._process.kill()


def _start() -> subprocess.Popen[bytes]:
    """A fresh worker of this very library: without the keys that the environment may hold."""
    path = os.pathsep.join(filter(None, [str(_SOURCE), os.environ.get("PYTHONPATH")]))
    environment = {name: os.environ[name] for name in _KEPT if name in os.environ} | {"PYTHONPATH": path}
    command = [sys.executable, "-P", "-m", worker.__name__]
    pipe = subprocess.PIPE
    return subprocess.Popen(command, stdin=pipe, stdout=pipe, stderr=subprocess.DEVNULL, env=environment)


def _exchange(process: subprocess.Popen[bytes], name: str, data: bytes) -> dict[str, Any] | None:
    """Ask and read; nothing where the process ended meanwhile."""
    if process.stdin is None or process.stdout is None:
        return None
    try:
        process.stdin.write(f"{name} {len(data)}\n".encode())
        process.stdin.write(data)
        process.stdin.flush()
    except BrokenPipeError:
        return None
    size = process.stdout.read(8)
    answer = process.stdout.read(int.from_bytes(size, "big")) if len(size) == 8 else b""
    try:
        value: dict[str, Any] = orjson.loads(answer)
    except orjson.JSONDecodeError:
        return None
    return value
