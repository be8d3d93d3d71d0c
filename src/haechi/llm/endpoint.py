"""Where the language model is, how fast it may be asked and what may be spent: everything that the environment says.

None of it changes an answer, so none of it is a parameter. Neither key nor address is ever shown: `repr` leaves them out,
and `hide` takes them out of whatever a server sends back.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from urllib.parse import quote, quote_plus, urlsplit

from haechi.runtime.environment import count, number
from haechi.runtime.errors import UsageError

KEYLESS = "none"
_SHORTEST_KEY = 8  # a shorter one would be found by chance in texts that have nothing to do with it


@dataclass(frozen=True)
class Endpoint:
    """An OpenAI-compatible endpoint and the key that it knows us by (empty where it needs none)."""

    url: str = field(repr=False)
    key: str = field(repr=False)

    def hide(self, text: str) -> str:
        """A text of the server without key, address and password in it."""
        for secret in _secrets(self.url, self.key):
            text = text.replace(secret, "***")
        return text


@dataclass(frozen=True)
class Limits:
    """How an endpoint may be asked; 0 is no limit."""

    concurrency: int
    """Calls in flight."""
    timeout: float
    """Seconds for one call, from first byte to last."""
    tries: int
    """Requests for one answer before it counts as failed."""
    backoff: float
    """About the seconds before the second try; doubles with each further one."""
    requests_per_minute: float
    tokens_per_minute: float
    max_requests: float
    """Requests that one run may make, retries included."""
    max_tokens: float
    """Tokens that one run may use, prompts and answers together."""
    max_cost: float
    """Money that one run may spend."""
    price_in: float
    """Of a million tokens of prompt."""
    price_out: float
    """Of a million tokens of answer."""

    def cost(self, tokens_in: float, tokens_out: float) -> float:
        """What so many tokens cost."""
        return (tokens_in * self.price_in + tokens_out * self.price_out) / 1e6


def endpoint_from(environ: Mapping[str, str]) -> Endpoint:
    """The endpoint in HAECHI_LLM_URL and HAECHI_LLM_KEY."""
    url, key = (environ.get(name, "").strip() for name in ("HAECHI_LLM_URL", "HAECHI_LLM_KEY"))
    if not url:
        raise UsageError("HAECHI_LLM_URL is not set; it holds the base address of an OpenAI-compatible endpoint, ending in /v1")
    try:
        parts = urlsplit(url)
        whole = parts.scheme in ("http", "https") and bool(parts.hostname) and (parts.port or 1) > 0
    except ValueError:
        whole = False
    if not whole:
        raise UsageError("HAECHI_LLM_URL should be an address that begins with http:// or https:// and names a host")
    if not key:
        raise UsageError(f"HAECHI_LLM_KEY is not set; it holds the key of the endpoint, or `{KEYLESS}` if it needs none")
    if key == KEYLESS:
        key = ""
    elif len(key) < _SHORTEST_KEY or not key.isascii() or not key.isprintable() or " " in key:
        raise UsageError(f"HAECHI_LLM_KEY holds no key (of {_SHORTEST_KEY} or more letters, without spaces), nor `{KEYLESS}`")
    return Endpoint(url.rstrip("/"), key)


def limits_from(environ: Mapping[str, str]) -> Limits:
    """Pace, patience, budget and prices in HAECHI_LLM_*."""
    limits = Limits(
        concurrency=count("HAECHI_LLM_CONCURRENCY", 16, least=1, environ=environ),
        timeout=number("HAECHI_LLM_TIMEOUT", 120, least=0.01, environ=environ),
        tries=count("HAECHI_LLM_TRIES", 6, least=1, environ=environ),
        backoff=number("HAECHI_LLM_BACKOFF", 1, environ=environ),
        requests_per_minute=number("HAECHI_LLM_RPM", 0, environ=environ),
        tokens_per_minute=number("HAECHI_LLM_TPM", 0, environ=environ),
        max_requests=count("HAECHI_LLM_MAX_REQUESTS", 0, environ=environ),
        max_tokens=count("HAECHI_LLM_MAX_TOKENS", 0, environ=environ),
        max_cost=number("HAECHI_LLM_MAX_COST", 0, environ=environ),
        price_in=number("HAECHI_LLM_PRICE_IN", 0, environ=environ),
        price_out=number("HAECHI_LLM_PRICE_OUT", 0, environ=environ),
    )
    if limits.max_cost and not (limits.price_in or limits.price_out):
        raise UsageError("HAECHI_LLM_MAX_COST needs HAECHI_LLM_PRICE_IN and HAECHI_LLM_PRICE_OUT, prices of a million tokens")
    return limits


def _secrets(url: str, key: str) -> list[str]:
    """Every spelling of what must not be seen, longest first, so that none is left in part."""
    parts = urlsplit(url)
    plain = [key, url, parts.netloc, parts.netloc.rpartition("@")[2] if parts.port else "", parts.password or "", parts.query]
    spelled = {
        spelling for text in plain if len(text) >= 4 for spelling in (text, quote(text), quote(text, safe=""), quote_plus(text))
    }
    return sorted(spelled, key=lambda text: (-len(text), text))
