"""The curves of a training run, as a picture and as tables for `dvc plots`."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from haechi.evaluation.drawing import pyplot, save
from haechi.evaluation.names import COLOURS, HEADLINE
from haechi.files import write_text

ACTIVE = "active_triplets"


def draw_history(history: Sequence[dict[str, Any]], folder: Path) -> None:
    """Loss, validation and, of a triplet loss, the share of active triplets: a picture, and tables for `dvc plots`.

    A table without rows is left where a training has no such figure: `dvc plots` passes over it, and would miss the file.
    """
    curves = (  # table, its column, the history's name, style
        ("loss", "loss", "loss", {"color": COLOURS["tuned"]}),
        ("validation", HEADLINE, f"valid_{HEADLINE}", {"color": COLOURS["hybrid"], "marker": "o"}),
        ("triplets", ACTIVE, ACTIVE, {"color": COLOURS["base"]}),
    )
    points = {table: [(row["step"], row[key]) for row in history if key in row] for table, _, key, _ in curves}
    shown = [curve for curve in curves if points[curve[0]]]
    figure, panels = pyplot().subplots(1, len(shown), figsize=(4.5 * len(shown), 3.2), layout="constrained", squeeze=False)
    for axes, (table, _, key, style) in zip(panels[0], shown, strict=True):
        axes.plot(*zip(*points[table], strict=True), **style)
        axes.set(xlabel="step", ylabel=key)
    save(figure, folder / "training.png")
    for table, column, *_ in curves:
        write_text(folder / f"{table}.csv", f"step,{column}\n" + "".join(f"{step},{value}\n" for step, value in points[table]))


def write_modules(rows: Sequence[dict[str, Any]], folder: Path) -> None:
    """What was seen of every module at every look, as one table: modules.csv."""
    columns = ("step", "module", "gradient", "clipped", "update_to_weight")
    lines = [",".join(str(row.get(column, "")) for column in columns) for row in rows]
    write_text(folder / "modules.csv", "\n".join([",".join(columns), *lines]) + "\n")
