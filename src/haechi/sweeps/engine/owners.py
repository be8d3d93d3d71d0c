"""Who works on a trial, and whether that process still lives."""

import os
import socket
import uuid
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import psutil


@dataclass(frozen=True)
class Owner:
    """An agent: its process, and the machine and process namespace that its number belongs to."""

    place: str
    pid: int
    born: float
    name: str
    host: str

    def as_dict(self) -> dict[str, Any]:
        """For the storage."""
        return asdict(self)

    def surely_dead(self, here: str) -> bool:
        """Whether the process ended; unknown, and so False, for one on another machine."""
        if self.place != here:
            return False
        try:
            process = psutil.Process(self.pid)
            return bool(abs(process.create_time() - self.born) > 1 or process.status() == psutil.STATUS_ZOMBIE)
        except psutil.NoSuchProcess:
            return True


def myself() -> Owner:
    """The agent of this process."""
    pid = os.getpid()
    return Owner(place(), pid, psutil.Process(pid).create_time(), uuid.uuid4().hex[:8], socket.gethostname())


def place() -> str:
    """A name for what process numbers belong to: this boot of this machine, and its process namespace."""
    parts = [socket.gethostname()]
    with suppress(OSError):
        parts.append(Path("/proc/sys/kernel/random/boot_id").read_text(encoding="ascii").strip())
    with suppress(OSError):
        parts.append(str(Path("/proc/self/ns/pid").readlink()))
    return " ".join(parts)
