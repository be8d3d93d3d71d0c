"""What a stage took: a line a run in `.haechi/stages.log.jsonl`, which nothing tracks: times and hosts differ from run to run."""

import os
import platform
import resource
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import orjson

from haechi.runtime.environment import home

STAGE = "DVC_STAGE"
"""Set by DVC for the command of a stage."""


def journal() -> Path:
    """The file."""
    return home() / "stages.log.jsonl"


@contextmanager
def timed() -> Iterator[None]:
    """Write down what the stage that runs now takes, also when it fails; nothing outside DVC."""
    stage = os.environ.get(STAGE)
    if not stage:
        yield
        return
    began, ok = time.monotonic(), False
    try:
        yield
        ok = True
    finally:
        _append(
            {
                "stage": stage.rpartition(":")[2],
                "ok": ok,
                "seconds": round(time.monotonic() - began, 2),
                "ended": datetime.now(UTC).isoformat(timespec="seconds"),
                "host": platform.node(),
                "device": _device(),
                "memory_mb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024,
            }
        )


def _device() -> str:
    """The GPU that was used, or `cpu`; torch is asked only where the stage has loaded it."""
    torch = sys.modules.get("torch")
    if torch is None or os.environ.get("HAECHI_DEVICE") == "cpu" or not torch.cuda.is_available():
        return "cpu"
    return str(torch.cuda.get_device_name())


def _append(line: dict[str, Any]) -> None:
    """One write, so that stages that run at once don't mix; a log that can't be written stops no stage."""
    try:
        home().mkdir(parents=True, exist_ok=True)
        with journal().open("ab", buffering=0) as stream:
            stream.write(orjson.dumps(line, option=orjson.OPT_APPEND_NEWLINE))
    except OSError as error:
        sys.stderr.write(f"{journal()}: not written ({error.strerror})\n")
