"""Does the model hub answer? Asked once, briefly: its own client tries for 90 seconds, and longer where nobody answers."""

import re
from collections.abc import Mapping
from pathlib import Path

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


def may_be_asked_for(name: str) -> bool:
    """Whether this can be the name of a model on the hub."""
    return bool(re.fullmatch(NAME, name))


def answers(name: str, environment: Mapping[str, str]) -> bool:
    """Whether the hub says anything about a model, be it that there is none."""
    if offline(environment) or not may_be_asked_for(name):
        return False
    status = http_status(address_of(name, environment))
    return status is not None and status < 500


def cached(name: str, environment: Mapping[str, str]) -> Path:
    """Where the hub cache keeps the current snapshot of a model; the folder need not exist."""
    home = environment.get("HF_HOME") or str(Path(environment.get("XDG_CACHE_HOME") or "~/.cache") / "huggingface")
    named = (environment.get(variable) for variable in ("SENTENCE_TRANSFORMERS_HOME", "HF_HUB_CACHE", "HUGGINGFACE_HUB_CACHE"))
    cache = Path(next(filter(None, named), Path(home) / "hub")).expanduser()
    folder = cache / f"models--{name.replace('/', '--')}"
    try:
        return folder / "snapshots" / (folder / "refs" / "main").read_text(encoding="utf-8").strip()
    except OSError:
        return folder / "snapshots" / "none"


def http_status(address: str) -> int | None:
    """Ask for the head of a page, briefly; None where nobody answers."""
    import httpx

    try:
        return httpx.head(address, timeout=TIMEOUT).status_code
    except (httpx.HTTPError, httpx.InvalidURL):
        return None
