"""One writer per output: a lock named by the output's absolute path, held while a stage works and gone with its process.

DVC killed by SIGKILL leaves the script that it started running; the next run meets that script here and waits for it.
A queued experiment writes to another absolute path, so it waits for nobody. The lock is flock(2) on a file under
`.haechi/state/locks` of the main checkout, so the kernel frees it however the process ends, and a file that a killed
process leaves there locks nothing. Children don't hold it: a forked one closes its copy at once (the hook below), a started
one never gets it (Python's descriptors aren't inherited); so it is free as soon as the process that took it is gone.
"""

import fcntl
import os
import re
import shlex
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from hashlib import sha256
from pathlib import Path
from typing import BinaryIO

import orjson

from haechi.runtime.environment import home, number
from haechi.runtime.errors import HaechiError
from haechi.runtime.files import ensure_writable, remove
from haechi.runtime.progress import say

WAIT = "HAECHI_LOCK_WAIT"
PATIENCE = 600.0
"""Seconds that a second writer waits where HAECHI_LOCK_WAIT doesn't say otherwise."""
POLL = 0.1

_held: dict[Path, int] = {}
"""Lock file -> open descriptor, of this process."""


@contextmanager
def writing(*outputs: Path, wait: float | None = None) -> Iterator[None]:
    """Be the only writer of these files and folders; before any work, try that they can be written.

    Locks are taken in one order everywhere, so two stages can't wait for each other. What a killed writer left half
    written beside an output is removed: nobody else can be writing it now. `wait` is in seconds, HAECHI_LOCK_WAIT where None.
    """
    patience = number(WAIT, PATIENCE) if wait is None else wait
    deadline = time.monotonic() + patience
    wanted = {lock_of(output): output for output in outputs}
    with ExitStack() as stack:
        for lock, output in sorted(wanted.items()):
            stack.enter_context(_locked(lock, output, deadline, patience))
        for output in wanted.values():
            _sweep(output)
        ensure_writable(*wanted.values())
        yield


def lock_of(output: Path) -> Path:
    """The lock file of an output: links in its folder are followed, the output itself isn't (DVC may link it to its cache)."""
    place = output.parent.resolve() / output.name
    return home().resolve() / "state" / "locks" / f"{sha256(os.fsencode(place)).hexdigest()[:32]}.lock"


def holder_of(lock: Path) -> dict[str, object] | None:
    """Who holds a lock file: what it wrote there, with `pid`, `command` and `since`; None if nobody holds it."""
    try:
        descriptor = os.open(lock, os.O_RDWR)
    except FileNotFoundError:
        return None
    try:
        return None if taken(descriptor) else _written(descriptor)
    finally:
        os.close(descriptor)


@contextmanager
def _locked(lock: Path, output: Path, deadline: float, patience: float) -> Iterator[None]:
    if lock in _held:
        raise HaechiError(f"{output}: this process is writing it already")
    descriptor = _waited_for(lock, output, deadline, patience)
    _held[lock] = descriptor
    try:
        yield
    finally:
        if _held.pop(lock, None) is not None:  # a forked child that comes by here has none
            lock.unlink(missing_ok=True)  # while it is still ours; whoever waits sees that the file is gone and makes another
            os.close(descriptor)


def _waited_for(lock: Path, output: Path, deadline: float, patience: float) -> int:
    """A locked descriptor of the file that has this name now."""
    said = ""
    while True:
        descriptor = _opened(lock)
        if taken(descriptor):
            if _is(descriptor, lock):
                os.ftruncate(descriptor, 0)
                os.pwrite(descriptor, orjson.dumps(_me(output)), 0)
                return descriptor
            os.close(descriptor)
            continue
        holder = _written(descriptor)
        os.close(descriptor)
        name, remedy = _named(holder)
        if time.monotonic() >= deadline:
            raise HaechiError(
                f"{output}: {name} has been writing it for longer than {patience:g} s; wait for it, or end it{remedy}, "
                f"and run again ({WAIT} sets how many seconds to wait)"
            )
        if holder and name != said:
            say(f"{output}: {name} is writing it; waiting up to {patience:g} s (it can be ended{remedy})")
            said = name
        time.sleep(POLL)


def _opened(lock: Path) -> int:
    try:
        lock.parent.mkdir(parents=True, exist_ok=True)
        return os.open(lock, os.O_RDWR | os.O_CREAT, 0o666)
    except OSError as error:
        raise HaechiError(f"{lock}: can't write here ({error.strerror})") from error


def taken(file: int | BinaryIO) -> bool:
    """Take the lock of an open file, if nobody has it: whether it is ours now."""
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _is(descriptor: int, lock: Path) -> bool:
    """Whether the locked file still has its name: its last holder may have removed it between our opening and locking it."""
    try:
        return os.path.samestat(os.fstat(descriptor), lock.stat())
    except FileNotFoundError:
        return False


def _me(output: Path) -> dict[str, object]:
    return {
        "pid": os.getpid(),
        "command": shlex.join(sys.argv),
        "stage": os.environ.get("DVC_STAGE", ""),
        "output": str(output.absolute()),
        "since": time.strftime("%Y-%m-%d %H:%M:%S"),
    }


def _written(descriptor: int) -> dict[str, object] | None:
    """What the holder wrote; None in the moment before it has."""
    try:
        value = orjson.loads(os.pread(descriptor, 1 << 16, 0))
    except orjson.JSONDecodeError:
        return None
    return value if isinstance(value, dict) and "pid" in value else None


def _named(holder: Mapping[str, object] | None) -> tuple[str, str]:
    """A process as people know it, and how to end it."""
    if holder is None:
        return "another process", ""
    return f"process {holder['pid']} (`{holder['command']}`, since {holder['since']})", f" with `kill {holder['pid']}`"


def _sweep(output: Path) -> None:
    """Remove the temporary files and folders of writers that were killed."""
    left = re.compile(re.escape(f".{output.name}.") + r"[a-z0-9_]{8}\.tmp")  # as tempfile names them
    for path in output.parent.iterdir() if output.parent.is_dir() else ():
        if left.fullmatch(path.name):
            remove(path)


def _forget() -> None:
    """In a forked child: the lock is its parent's alone (closing a copy of a descriptor doesn't free the lock)."""
    for descriptor in _held.values():
        os.close(descriptor)
    _held.clear()


os.register_at_fork(after_in_child=_forget)
