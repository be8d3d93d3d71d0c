"""Processes that write to one store, and are killed while they do.

python -m rowstore.writers FILE KILLS SEED
"""

import os
import random
import signal
import sys
import time
from collections.abc import Callable
from pathlib import Path

from haechi.rowstore.encoding import Keys
from haechi.rowstore.namespaces import QUESTIONS, Namespace
from haechi.rowstore.store import Row, Store, connect

BATCH = 50
KEYS = Keys({"kind": "test"})


def key(writer: int, number: int) -> bytes:
    return KEYS.of(writer=writer, number=number)


def write_batch(store: Store, writer: int, batch: int, namespace: Namespace = QUESTIONS) -> None:
    """One transaction of BATCH rows whose values name their place."""
    numbers = range(batch * BATCH, (batch + 1) * BATCH)
    store.put(namespace, [Row(key(writer, n), {"writer": writer, "number": n, "text": "가나다" * 20}, 0.001) for n in numbers])


def forked(work: Callable[[], None]) -> int:
    """Run in a child process, which ends without the parent's clean-up; its number."""
    child = os.fork()
    if child:
        return child
    try:
        work()
        os._exit(0)
    finally:
        os._exit(1)


def written_until_killed(path: Path, writer: int, first: int, after: float) -> int:
    """Let a child write batches from `first` on, kill -9 it after so many seconds; how many batches it says were committed."""
    read, write = os.pipe()

    def work() -> None:
        store = connect(path)
        for batch in range(first, first + 100_000):
            write_batch(store, writer, batch)
            os.write(write, b".")

    child = forked(work)
    os.close(write)
    os.read(read, 1)  # the first batch is committed: the killing begins
    time.sleep(after)
    os.kill(child, signal.SIGKILL)
    os.waitpid(child, 0)
    count = 1
    while chunk := os.read(read, 65536):
        count += len(chunk)
    os.close(read)
    return count


def batches_there(store: Store, writer: int, batches: range) -> list[int]:
    """How many rows of each batch are in the store."""
    keys = [key(writer, n) for n in range(batches.start * BATCH, batches.stop * BATCH)]
    found = store.get(QUESTIONS, keys)
    return [sum(k in found for k in keys[i * BATCH : (i + 1) * BATCH]) for i in range(len(batches))]


def killed_again_and_again(path: Path, kills: int, seed: int) -> int:
    """Every batch that was said to be committed is whole; of the open one all rows are there or none. How many are there."""
    moments = random.Random(seed)  # noqa: S311  # no secret
    first = 0
    for kill in range(kills):
        said = written_until_killed(path, writer=1, first=first, after=moments.uniform(0, 0.02))
        store = connect(path)
        there = batches_there(store, 1, range(first, first + said + 1))
        assert there[:said] == [BATCH] * said, f"kill {kill}: a committed batch is not whole"
        assert there[said] in (0, BATCH), f"kill {kill}: half a batch"
        first += said + (there[said] == BATCH)
        store.close()
    return first


if __name__ == "__main__":
    sys.stdout.write(str(killed_again_and_again(Path(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3]))))
