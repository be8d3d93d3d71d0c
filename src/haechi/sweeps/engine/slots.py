"""One agent a device: each takes a GPU, or a share of the processor's cores, by a lock that ends with its process.

Slots belong to the machine, not to a checkout, so agents of two projects don't meet on one GPU either.
"""

import fcntl
import os
import shutil
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from haechi.runtime.environment import count
from haechi.runtime.errors import HaechiError

SLOTS = "HAECHI_SLOTS"
POLL = 1.0


@dataclass(frozen=True)
class Slot:
    """A place to work."""

    name: str
    environment: Mapping[str, str]


def slots_of(environment: Mapping[str, str], gpus: Sequence[str], cores: int) -> list[Slot]:
    """The slots of this machine: its GPUs; without any, or where HAECHI_DEVICE says cpu, its cores in HAECHI_SLOTS shares."""
    if gpus and environment.get("HAECHI_DEVICE", "") != "cpu":
        return [Slot(f"gpu-{gpu}", {"CUDA_VISIBLE_DEVICES": gpu}) for gpu in gpus]
    number = count(SLOTS, 1, least=1, most=cores, environ=environment)
    if number == 1:
        return [Slot("cpu", {})]
    threads = str(cores // number)
    shared = {"OMP_NUM_THREADS": threads, "MKL_NUM_THREADS": threads, "RAYON_NUM_THREADS": threads, "HAECHI_WORKERS": threads}
    return [Slot(f"cpu-{place + 1}of{number}", shared) for place in range(number)]


def gpus(environment: Mapping[str, str]) -> list[str]:
    """The GPUs that may be used: those that CUDA_VISIBLE_DEVICES names, else all that the driver lists."""
    if (visible := environment.get("CUDA_VISIBLE_DEVICES")) is not None:
        return [name.strip() for name in visible.split(",") if name.strip() and name.strip() != "-1"]
    if not (tool := shutil.which("nvidia-smi")):
        return []
    done = subprocess.run([tool, "--query-gpu=index", "--format=csv,noheader"], capture_output=True, text=True, check=False)
    return done.stdout.split() if done.returncode == 0 else []


def here() -> list[Slot]:
    """The slots of this machine as this process sees it."""
    return slots_of(os.environ, gpus(os.environ), len(os.sched_getaffinity(0)))


@contextmanager
def taken(
    slots: Sequence[Slot], folder: Path | None = None, waiting: Callable[[], None] = lambda: None, patience: float = float("inf")
) -> Iterator[Slot]:
    """The first free slot, kept while the block runs; waits for one, and calls `waiting` once if it has to."""
    place = folder or Path(tempfile.gettempdir()) / f"haechi-slots-{os.getuid()}"
    place.mkdir(mode=0o700, parents=True, exist_ok=True)
    deadline, said = time.monotonic() + patience, False
    while True:
        for slot in slots:
            handle = (place / f"{slot.name}.lock").open("ab")
            try:
                fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                handle.close()
                continue
            try:
                yield slot
            finally:
                handle.close()
            return
        if time.monotonic() > deadline:
            raise HaechiError(f"every slot of this machine is taken ({', '.join(slot.name for slot in slots)})")
        if not said:
            waiting()
            said = True
        time.sleep(POLL)
