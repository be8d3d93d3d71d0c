"""When the next request may start.

Starts are spaced, so no minute ever holds more requests than allowed, nor more tokens than allowed and one request's.
Gives up bursts: what a quiet minute left over is not made up for.
"""

import re
from datetime import datetime
from email.utils import parsedate_to_datetime
from random import Random

LONGEST_BACKOFF = 60.0


def backoff(attempt: int, rng: Random, unit: float = 1.0) -> float:
    """Seconds to wait after try number `attempt` (from 0): doubling, at most 60, between half and all of it at random."""
    return min(LONGEST_BACKOFF, unit * 2.0**attempt) * rng.uniform(0.5, 1.0)


def retry_after(header: str | None, now: datetime) -> float:
    """Seconds that a Retry-After header asks for, as a number or a date; 0 where it says nothing readable."""
    text = (header or "").strip()
    if re.fullmatch(r"[0-9]{1,9}", text):
        return float(text)
    try:
        return max(0.0, (parsedate_to_datetime(text) - now).total_seconds())
    except (ValueError, TypeError):  # TypeError: a date without a zone
        return 0.0


_MINUTE = 60.0


class Pace:
    """Hands out starting times; a limit of 0 is none."""

    def __init__(self, requests_per_minute: float, tokens_per_minute: float) -> None:
        self._per_request = _MINUTE / requests_per_minute if requests_per_minute else 0.0
        self._per_token = _MINUTE / tokens_per_minute if tokens_per_minute else 0.0
        self._request = self._token = self._held = float("-inf")

    def start(self, now: float, tokens: float) -> float:
        """When a request of about so many tokens may start; that time is then taken."""
        start = max(now, self._request, self._token, self._held)
        self._request = start + self._per_request
        self._token = start + tokens * self._per_token
        return start

    def correct(self, tokens: float) -> None:
        """So many tokens more than announced were used (or fewer, below 0)."""
        self._token += tokens * self._per_token

    def hold(self, until: float) -> None:
        """Nothing starts before then: the endpoint asked for a pause."""
        self._held = max(self._held, until)

    def held(self, now: float) -> float:
        """Seconds that a pause still lasts."""
        return max(0.0, self._held - now)
