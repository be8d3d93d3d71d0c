"""Puts this checkout's own `src` first, for this process and its children, and makes sure that it is what runs.

An editable install would make a queued experiment run the main checkout's library while DVC records the snapshot's hashes.
"""

import os
import sys
from pathlib import Path
from types import TracebackType

SRC = Path(__file__).resolve().parent.parent / "src"

sys.path[0] = str(SRC)  # in place of stages/, where select.py would hide the standard library's module
os.environ["PYTHONPATH"] = os.pathsep.join([str(SRC), *filter(None, [os.environ.get("PYTHONPATH")])])
os.environ.setdefault("TOKENIZERS_PARALLELISM", "true")  # said, so no warning comes when a process forks: no child tokenises
os.environ.setdefault("HF_HUB_DISABLE_TELEMETRY", "1")
os.environ.setdefault("THP_MEM_ALLOC_ENABLE", "1")  # torch asks for huge pages: gradients of large tables take a third less time
os.environ.setdefault("CUBLAS_WORKSPACE_CONFIG", ":4096:8")  # without it, products on a GPU may differ from run to run


def _ended(kind: type[BaseException], error: BaseException, trace: TracebackType | None) -> None:
    """Ctrl-C while libraries are imported is one word; from then on haechi.runtime.command says it."""
    if kind is KeyboardInterrupt:
        sys.stderr.write("interrupted\n")
    else:
        sys.__excepthook__(kind, error, trace)


sys.excepthook = _ended

import haechi  # noqa: E402  (only now is the path right)

if Path(haechi.__file__).resolve().parent != SRC / "haechi":
    sys.exit(f"error: {__file__} should run the library in {SRC}, but {haechi.__file__} was imported first")
