"""Parameters for tests: those of the miniature pipeline, with what a test means to change."""

from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Any, TypeVar

from haechi.runtime.params import load_section
from haechi.runtime.sections import MODULES

MINI = Path(__file__).parent / "mini" / "params.yaml"
P = TypeVar("P")


def small(kind: type[P], **changes: Any) -> P:
    """The section of a kind of parameters."""
    return replace(_section(kind), **changes)  # type: ignore[type-var]


@cache
def _section(kind: type[P]) -> P:
    section = next(name for name, module in MODULES.items() if module == kind.__module__)
    return load_section(MINI, section, kind)
