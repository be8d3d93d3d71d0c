"""The pipeline as a drawing: stages in rows by how much comes before them, an arrow where one reads what another writes."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from haechi.pages import words
from haechi.pages.words import Words

BOX, GAP = (150, 44), (22, 40)


@dataclass(frozen=True)
class Node:
    """A stage at its place."""

    name: str
    said: Words
    x: float
    y: float


@dataclass(frozen=True)
class Graph:
    """What the template draws."""

    width: float
    height: float
    nodes: Sequence[Node]
    arrows: Sequence[str]
    """Paths of SVG."""


def graph(stages: Mapping[str, Any]) -> Graph | None:
    """None where there are no stages."""
    if not stages:
        return None
    edges = _without_detours([(a, b) for a in stages for b in stages if a != b and _feeds(stages[a], stages[b])])
    level = dict.fromkeys(stages, 0)
    for _ in stages:  # longest path, by relaxing as often as there are stages
        for a, b in edges:
            level[b] = min(max(level[b], level[a] + 1), len(stages))
    rows: dict[int, list[str]] = {}
    for name in stages:
        rows.setdefault(level[name], []).append(name)
    widest = max(len(row) for row in rows.values())
    width = widest * (BOX[0] + GAP[0]) - GAP[0] + 4
    at: dict[str, tuple[float, float]] = {}
    for line, row in enumerate(rows[key] for key in sorted(rows)):
        left = (width - (len(row) * (BOX[0] + GAP[0]) - GAP[0])) / 2
        at |= {name: (left + place * (BOX[0] + GAP[0]), 2 + line * (BOX[1] + GAP[1])) for place, name in enumerate(row)}
    return Graph(
        width,
        len(rows) * (BOX[1] + GAP[1]) - GAP[1] + 4,
        [Node(name, words.known(words.STAGES, name), *at[name]) for name in stages],
        [_arrow(at[a], at[b]) for a, b in edges],
    )


def _without_detours(edges: Sequence[tuple[str, str]]) -> list[tuple[str, str]]:
    """Only arrows that no longer way says already."""
    after: dict[str, set[str]] = {}
    for a, b in edges:
        after.setdefault(a, set()).add(b)

    def reach(name: str, seen: set[str]) -> set[str]:
        for following in after.get(name, ()):
            if following not in seen:
                seen.add(following)
                reach(following, seen)
        return seen

    return [(a, b) for a, b in edges if not any(b in reach(other, set()) for other in after[a] if other != b)]


def _arrow(start: tuple[float, float], end: tuple[float, float]) -> str:
    x, y, to, low = start[0] + BOX[0] / 2, start[1] + BOX[1], end[0] + BOX[0] / 2, end[1] - 5
    middle = (y + low) / 2
    return f"M{x:g},{y:g} C{x:g},{middle:g} {to:g},{middle:g} {to:g},{low:g}"


def _feeds(first: Mapping[str, Any], second: Mapping[str, Any]) -> bool:
    written = [path for group in ("outs", "metrics", "plots") for path in _paths(first.get(group))]
    return any(_overlap(out, dep) for out in written for dep in _paths(second.get("deps")))


def _paths(entries: Any) -> list[str]:
    return [name for entry in entries or () for name in ([entry] if isinstance(entry, str) else entry)]


def _overlap(one: str, other: str) -> bool:
    return f"{one}/".startswith(f"{other}/") or f"{other}/".startswith(f"{one}/")
