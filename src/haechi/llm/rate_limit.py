"""When the next request may start.

Starts are spaced, so no minute ever holds more requests than allowed, nor more tokens than allowed and one request's.
Gives up bursts: what a quiet minute left over is not made up for.
"""

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
