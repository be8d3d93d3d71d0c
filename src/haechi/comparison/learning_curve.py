"""How much data do I need? Nested parts of the training examples, and the curve that they give."""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from haechi.records.mined import MinedExample
from haechi.report.style import pyplot, save
from haechi.runtime.errors import HaechiError
from haechi.runtime.files import write_text
from haechi.scoring.names import COLOURS, HEADLINE

Of = Literal["decisions", "questions"]


@dataclass(frozen=True)
class Point:
    """One size and what came of it."""

    n: int
    value: float
    low: float
    high: float


def unit_of(example: MinedExample) -> str:
    """What is added or left out as a whole: all examples of a decision, or one question."""
    return example.query_id if example.source == "question" else example.query_id.rpartition("_")[0]


def part(examples: Sequence[MinedExample], of: Of, share: float, seed: int) -> tuple[list[MinedExample], int]:
    """The examples with a share of the decisions or questions, and how many these are; a larger share holds the smaller one.

    Whether a unit is in depends on its own name and the seed alone, so parts are nested and stay so when data are added.
    """
    mine = [e for e in examples if (e.source == "question") == (of == "questions") and (of == "questions" or _decided(e))]
    units = sorted({unit_of(e) for e in mine}, key=lambda unit: hashlib.sha256(f"{seed} {unit}".encode()).hexdigest())
    if not units:
        raise HaechiError(f"learning-curve: there are no {of} among the training examples")
    kept = set(units[: round(share * len(units))])
    theirs = {id(e) for e in mine}
    return [e for e in examples if id(e) not in theirs or unit_of(e) in kept], len(kept)


def draw_curve(points: Sequence[Point], of: Of, folder: Path) -> None:
    """The curve with its intervals, as a picture and as a table."""
    figure, axes = pyplot().subplots(figsize=(7, 3.6), layout="constrained")
    sizes, values = [p.n for p in points], [p.value for p in points]
    axes.plot(sizes, values, marker="o", color=COLOURS["tuned"])
    axes.fill_between(sizes, [p.low for p in points], [p.high for p in points], color=COLOURS["tuned"], alpha=0.2)
    axes.set(xlabel="labelled decisions in training" if of == "decisions" else "synthetic questions in training", ylabel=HEADLINE)
    save(figure, folder / f"{of}.png")
    rows = "".join(f"{p.n},{p.value},{p.low},{p.high}\n" for p in points)
    write_text(folder / f"{of}.csv", f"{of},{HEADLINE},low,high\n{rows}")


def _decided(example: MinedExample) -> bool:
    return "precedent" in example.source or "holding" in example.source
