"""Waiting for work, not for time: a deadline is only for what would never end."""

import time
from collections.abc import Callable

ENOUGH = 120.0
"""Seconds after which what has not come never will, on a busy machine too."""


def eventually(true: Callable[[], bool]) -> bool:
    """Whether it comes true."""
    deadline = time.monotonic() + ENOUGH
    while not true() and time.monotonic() < deadline:
        time.sleep(0.01)
    return true()
