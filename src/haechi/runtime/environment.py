"""Numbers that environment variables hold: read the same way everywhere, and refused in one sentence where they are none."""

import os
import re
from collections.abc import Mapping
from pathlib import Path

from haechi.runtime.errors import UsageError

WORKERS = "HAECHI_WORKERS"
INFINITE = float("inf")
_WHOLE, _PART = re.compile(r"[0-9]{1,15}"), re.compile(r"[0-9]{1,15}(\.[0-9]{1,9})?")


def number(name: str, default: float, least: float = 0.0, environ: Mapping[str, str] = os.environ) -> float:
    """The number that the variable holds, or the default where it is unset or empty."""
    return _read(environ, name, default, _PART, f"a number, {least:g} or more", least)


def count(
    name: str, default: int, least: int = 0, most: float = INFINITE, environ: Mapping[str, str] = os.environ, word: str = ""
) -> int:
    """The same for a whole number; `word` is what the variable may hold besides, for the sentence that refuses."""
    bounds = f"{least} or more" if most == INFINITE else f"from {least} to {most:g}"
    return int(_read(environ, name, default, _WHOLE, f"a whole number, {bounds}{word and f', or `{word}`'}", least, most))


def workers() -> int:
    """How many threads may work beside each other: HAECHI_WORKERS, else one a core. They don't change results."""
    return count(WORKERS, os.cpu_count() or 1, least=1)


def _read(
    environ: Mapping[str, str],
    name: str,
    default: float,
    form: re.Pattern[str],
    expected: str,
    least: float,
    most: float = INFINITE,
) -> float:
    """What was found is not shown: it may be a key that was put into the wrong variable."""
    text = environ.get(name, "").strip()
    if not text:
        return default
    if not form.fullmatch(text) or not least <= float(text) <= most:
        raise UsageError(f"{name} should be {expected}; `echo ${name}` shows what it is")
    return float(text)


def project_root() -> Path:
    """DVC_ROOT, which is the main checkout in queued experiments too; else the nearest folder upwards with `.dvc`; else here."""
    if told := os.environ.get("DVC_ROOT"):
        return Path(told)
    here = Path.cwd()
    return next((folder for folder in (here, *here.parents) if (folder / ".dvc").is_dir()), here)


def home() -> Path:
    """The untracked folder of the project."""
    return project_root() / ".haechi"
