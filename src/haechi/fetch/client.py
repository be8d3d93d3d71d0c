"""One polite client of the national law information service: one request at a time, spaced, retried with growing waits.

The key is added to a request below the level at which httpx logs and reports, so that no log line and no exception can
hold it. Gives up parallel requests and redirects (a redirect to elsewhere would carry the key along).
"""

import logging
import re
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from random import Random
from typing import Any
from urllib.parse import quote, quote_plus, urlsplit
from urllib.request import getproxies, proxy_bypass

import httpx
import orjson

from haechi.fetch.replies import refusal
from haechi.llm.rate_limit import backoff, retry_after
from haechi.runtime.errors import HaechiError, UsageError

URL = "http://www.law.go.kr/DRF"

_LONGEST_WAIT = 600.0  # seconds that a Retry-After is honoured in place; beyond, the run ends
_PASSING = frozenset({408, 429, 500, 502, 503, 504})


class LawServiceError(HaechiError):
    """The service can't be used: it refuses, is down, or answers something else than a list."""


class RequestFailed(Exception):
    """One request got no usable answer; says why, after how many tries, and whether the service said nothing at all."""

    def __init__(self, reason: str, tries: int, silent: bool = False) -> None:
        self.reason, self.tries, self.silent = reason, tries, silent
        super().__init__(f"{reason} (tried {tries} times)" if tries > 1 else reason)


@dataclass(frozen=True)
class Service:
    """Where the service is and the key (OC) that it knows us by."""

    url: str
    key: str = field(repr=False)


@dataclass(frozen=True)
class Pace:
    """How gently the service is asked; all times in seconds."""

    delay: float = 1.0
    """Least time between the starts of two requests."""
    timeout: float = 30.0
    tries: int = 6
    """Requests for one answer before giving up."""
    unit: float = 1.0
    """About the wait before the second try; doubles with each further one."""


@dataclass(frozen=True)
class Trouble:
    """An answer that can't be used, or none."""

    reason: str
    again: bool
    """Another try may help, after `wait` seconds at least."""
    silent: bool
    """The service is in trouble, not the record: no connection, no answer in time, or a status other than 200."""
    wait: float = 0.0


@dataclass(frozen=True)
class Answer:
    """A parsed reply, and how many requests it took."""

    payload: Any
    tries: int


def service_from(environ: Mapping[str, str]) -> Service:
    """The service as the environment describes it."""
    key = environ.get("HAECHI_LAW_OC", "").strip()
    if not key:
        raise UsageError("HAECHI_LAW_OC is not set; it holds the key (OC) that open.law.go.kr gives on application")
    url = environ.get("HAECHI_LAW_URL", "").strip() or URL
    if urlsplit(url).scheme not in ("http", "https"):
        raise UsageError("HAECHI_LAW_URL must begin with http:// or https://")
    return Service(url.rstrip("/"), key)


def read_answer(status: int, header: str | None, body: bytes, now: datetime) -> Any | Trouble:
    """The JSON value of an answer, or what is wrong with it."""
    if status != 200:
        return Trouble(f"http {status}", status in _PASSING, True, retry_after(header, now))
    text = body.removeprefix(b"\xef\xbb\xbf").strip()
    if text.startswith(b"<"):
        return Trouble("HTML or XML instead of JSON", again=False, silent=False)
    try:
        return orjson.loads(text)
    except orjson.JSONDecodeError:
        return Trouble("broken JSON", again=True, silent=False)


class Client:
    """Asks the service; a value returned holds no key."""

    def __init__(self, service: Service, pace: Pace, rng: Random, sleep: Callable[[float], None] = time.sleep) -> None:
        self._service, self._pace, self._rng, self._sleep = service, pace, rng, sleep
        self._http = httpx.Client(
            transport=_Keyed(service), timeout=pace.timeout, headers={"User-Agent": "haechi (law data fetch)"}
        )
        self._next = 0.0
        # At DEBUG it logs the headers of replies; a redirect repeats the whole question there, key included.
        logging.getLogger("httpcore").setLevel(logging.INFO)

    def get(self, page: str, question: Mapping[str, str]) -> Answer:
        """The answer of a page of the service (lawSearch.do, lawService.do); RequestFailed after the last try."""
        for attempt in range(self._pace.tries):
            answer = self._ask(page, question)
            if not isinstance(answer, Trouble):
                if said := refusal(answer):
                    raise LawServiceError(f"the law service refuses: {self.hide(said)} (check HAECHI_LAW_OC)")
                return Answer(_without(answer, _echoes(self._service.key)), attempt + 1)
            if answer.wait > _LONGEST_WAIT:
                raise LawServiceError(
                    f"the law service asks to wait {answer.wait:.0f} s ({answer.reason}); run the same command again after that"
                )
            if not answer.again or attempt + 1 == self._pace.tries:
                break
            self._sleep(max(answer.wait, backoff(attempt, self._rng, self._pace.unit)))
        raise RequestFailed(answer.reason, attempt + 1, answer.silent)

    def hide(self, text: str) -> str:
        """A text of the service without our key in it."""
        for spelling in _spellings(self._service.key):
            text = text.replace(spelling, "***")
        return text

    def close(self) -> None:
        """Drop the connection."""
        self._http.close()

    def _ask(self, page: str, question: Mapping[str, str]) -> Any | Trouble:
        now = time.monotonic()
        if self._next > now:
            self._sleep(self._next - now)
        self._next = max(now, self._next) + self._pace.delay
        try:
            reply = self._http.get(f"{self._service.url}/{page}", params={**question, "type": "JSON"})
        except httpx.TimeoutException:
            return Trouble("timeout", again=True, silent=True)
        except httpx.HTTPError:
            return Trouble("no connection or a broken one", again=True, silent=True)
        return read_answer(reply.status_code, reply.headers.get("Retry-After"), reply.content, datetime.now(UTC))


class _Keyed(httpx.HTTPTransport):
    """Sends a copy of the request that has the key; the request that httpx logs and puts into exceptions has none."""

    def __init__(self, service: Service) -> None:
        parts = urlsplit(service.url)
        proxy = None if proxy_bypass(parts.netloc) else getproxies().get(parts.scheme)
        super().__init__(proxy=proxy)
        self._key = service.key

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        """Send it."""
        url = request.url.copy_merge_params({"OC": self._key})
        keyed = httpx.Request(request.method, url, headers=request.headers, stream=request.stream, extensions=request.extensions)
        return super().handle_request(keyed)


def _spellings(key: str) -> list[str]:
    return sorted({key, quote(key), quote(key, safe=""), quote_plus(key)}, key=len, reverse=True)


def _echoes(key: str) -> re.Pattern[str]:
    """The key as a parameter of a link, or as a whole text: the service repeats what it was asked with."""
    names = "|".join(re.escape(spelling) for spelling in _spellings(key))
    return re.compile(rf"(?i:\bOC=)(?:{names})|\A(?:{names})\Z")


def _without(value: Any, pattern: re.Pattern[str]) -> Any:
    if isinstance(value, str):
        return pattern.sub("", value)
    if isinstance(value, list):
        return [_without(inner, pattern) for inner in value]
    if isinstance(value, dict):
        return {key: _without(inner, pattern) for key, inner in value.items()}
    return value
