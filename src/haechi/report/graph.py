"""The pipeline as a drawing: stages in rows by how much comes before them, an arrow where one reads what another writes."""

from collections.abc import Sequence
from dataclasses import dataclass

from haechi.report import translations
from haechi.text.bilingual import Words

EDGES = (
    ("preprocess", "make_pairs"),
    ("testset", "make_pairs"),
    ("make_pairs", "merge_corpus"),
    ("merge_corpus", "base"),
    ("base", "generate_qa"),
    ("generate_qa", "mine"),
    ("mine", "train"),
    ("train", "select"),
    ("select", "train_reranker"),
    ("train_reranker", "evaluate"),
    ("evaluate", "report"),
)
"""Who reads whom in dvc.yaml, less what a longer way says already. Written down, since DVC lets no stage read dvc.yaml."""
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


def graph() -> Graph:
    """The drawing."""
    level = dict.fromkeys(translations.STAGES, 0)
    for first, then in EDGES:  # in the order of the pipeline, so a stage's level is final before it is passed on
        level[then] = max(level[then], level[first] + 1)
    rows: dict[int, list[str]] = {}
    for name in translations.STAGES:
        rows.setdefault(level[name], []).append(name)
    width = max(len(row) for row in rows.values()) * (BOX[0] + GAP[0]) - GAP[0] + 4
    at: dict[str, tuple[float, float]] = {}
    for line, row in rows.items():
        left = (width - (len(row) * (BOX[0] + GAP[0]) - GAP[0])) / 2
        at |= {name: (left + place * (BOX[0] + GAP[0]), 2 + line * (BOX[1] + GAP[1])) for place, name in enumerate(row)}
    return Graph(
        width,
        len(rows) * (BOX[1] + GAP[1]) - GAP[1] + 4,
        [Node(name, said, *at[name]) for name, said in translations.STAGES.items()],
        [_arrow(at[first], at[then]) for first, then in EDGES],
    )


def _arrow(start: tuple[float, float], end: tuple[float, float]) -> str:
    x, y, to, low = start[0] + BOX[0] / 2, start[1] + BOX[1], end[0] + BOX[0] / 2, end[1] - 5
    middle = (y + low) / 2
    return f"M{x:g},{y:g} C{x:g},{middle:g} {to:g},{middle:g} {to:g},{low:g}"
