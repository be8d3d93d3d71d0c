"""How long to wait before asking a service again, and at whose word."""

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
