"""Does the model hub answer? Asked once, briefly: its own client tries for 90 seconds, and longer where nobody answers."""

import re
from collections.abc import Mapping

HUB = "https://huggingface.co"
TIMEOUT = 4.0
"""Seconds to connect, and as many for an answer."""
NAME = r"\w[\w.-]*(/\w[\w.-]*)?"
"""What the hub may be asked for; anything else is a path of this machine."""


def offline(environment: Mapping[str, str]) -> bool:
    """Whether the environment forbids to ask the hub."""
    return environment.get("HF_HUB_OFFLINE", "").upper() in {"1", "ON", "YES", "TRUE"}


def address_of(name: str, environment: Mapping[str, str]) -> str:
    """A small file that every model on the hub has."""
    return f"{environment.get('HF_ENDPOINT', HUB).rstrip('/')}/{name}/resolve/main/config.json"


def answers(name: str, environment: Mapping[str, str]) -> bool:
    """Whether the hub says anything about a model, be it that there is none."""
    if offline(environment) or not re.fullmatch(NAME, name):
        return False
    status = http_status(address_of(name, environment))
    return status is not None and status < 500


def http_status(address: str) -> int | None:
    """Ask for the head of a page, briefly; None where nobody answers."""
    import httpx

    try:
        return httpx.head(address, timeout=TIMEOUT).status_code
    except (httpx.HTTPError, httpx.InvalidURL):
        return None
