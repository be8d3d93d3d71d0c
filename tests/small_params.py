"""Parameters for tests: those of the miniature pipeline, with what a test means to change."""

from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Any, TypeVar

from haechi.runtime.params import load_section

MINI = Path(__file__).parent / "mini" / "params.yaml"
P = TypeVar("P")


def small(kind: type[P], **changes: Any) -> P:
    """The section of a kind of parameters; each kind lies in a module that is named like its section."""
    return replace(_section(kind), **changes)  # type: ignore[type-var]


@cache
def _section(kind: type[P]) -> P:
    return load_section(MINI, kind.__module__.rpartition(".")[2], kind)
