"""What trackers cost: a history of sixty rows, as a training leaves it, told row by row to each of them.

OMP_NUM_THREADS=1 python benchmarks/trackers.py
"""

import os
import tempfile
import time

import click

from haechi.guards.history import HistoryRow
from haechi.training.trackers import KINDS, tracking

STEPS = range(1, 51)
HISTORY = [
    *(HistoryRow(step, {"loss": 1.0 / step, "learning_rate": 1e-3, "grad_norm": 2.0}) for step in STEPS),
    *(HistoryRow(50 + n, {f"valid_{k}": 0.5 for k in range(16)}) for n in range(10)),
]


@click.command(help=__doc__)
def main() -> None:
    """A line a tracker: seconds of this process's CPU to open it (its package is imported there), for a row, and to close it."""
    os.environ["DVC_ROOT"] = tempfile.mkdtemp()
    for name in KINDS:
        began = time.process_time()
        with tracking((name,), {"params": {"lr": 0.1}}) as tracked:
            opened = time.process_time()
            for end in range(1, len(HISTORY) + 1):
                tracked.follow(HISTORY[:end])
            told = time.process_time()
        closed = time.process_time()
        print(
            f"{name}: open {opened - began:.2f} s, a row {1e3 * (told - opened) / len(HISTORY):.1f} ms, end {closed - told:.2f} s"
        )


if __name__ == "__main__":
    main()
