"""What a check of the doctor has to say."""

from dataclasses import dataclass
from typing import Literal

Level = Literal["ok", "warn", "fail"]


@dataclass(frozen=True)
class Finding:
    """One line: what was looked at, how it stands, and what to do where it doesn't stand well."""

    check: str
    level: Level
    said: str
    remedy: str = ""


def some(names: list[str], most: int = 5) -> str:
    """The first of many names, and how many more there are."""
    rest = f" and {len(names) - most} more" if len(names) > most else ""
    return ", ".join(names[:most]) + rest
