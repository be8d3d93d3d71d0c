"""How much the search page takes on at once: so many requests a second, so many at work or waiting."""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass


@dataclass(frozen=True)
class Limits:
    """What is refused beyond."""

    per_second: float = 50.0
    """Searches a second in the long run."""
    burst: int = 100
    """Searches that may come at once after a pause."""
    at_once: int = 32
    """Searches at work or waiting."""
    workers: int = 2
    """Searches at work."""
    body: int = 16_384
    """Bytes of a request's body: the longest query, each character escaped."""
    connections: int = 200


DEFAULT = Limits()


class TooMany(Exception):
    """More than is taken on; `busy` tells a full house from a visitor in a hurry."""

    def __init__(self, busy: bool) -> None:
        self.busy = busy
        super().__init__("too many searches at once" if busy else "too many searches a second")


class Gate:
    """Counts who comes in; used by one event loop."""

    def __init__(self, limits: Limits, now: Callable[[], float] = time.monotonic) -> None:
        self._limits, self._now = limits, now
        self._tokens, self._filled = float(limits.burst), now()
        self._inside = 0

    @contextmanager
    def entered(self) -> Iterator[None]:
        """Be counted while inside, or be refused."""
        now = self._now()
        self._tokens = min(self._limits.burst, self._tokens + (now - self._filled) * self._limits.per_second)
        self._filled = now
        if self._inside >= self._limits.at_once:
            raise TooMany(busy=True)
        if self._tokens < 1.0:
            raise TooMany(busy=False)
        self._tokens -= 1.0
        self._inside += 1
        try:
            yield
        finally:
            self._inside -= 1
