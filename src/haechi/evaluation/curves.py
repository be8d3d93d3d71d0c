"""The curves of a training run, as a picture and as tables for `dvc plots`."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from haechi.evaluation.drawing import pyplot, save
from haechi.evaluation.names import COLOURS, HEADLINE
from haechi.files import write_text


def draw_history(history: Sequence[dict[str, Any]], folder: Path) -> None:
    """Loss and validation over the steps, as a picture and as tables for `dvc plots`."""
    plt = pyplot()
    figure, (left, right) = plt.subplots(1, 2, figsize=(9, 3.2), layout="constrained")
    losses = [(row["step"], row["loss"]) for row in history if "loss" in row]
    scores = [(row["step"], row[f"valid_{HEADLINE}"]) for row in history if f"valid_{HEADLINE}" in row]
    if losses:
        left.plot(*zip(*losses, strict=True), color=COLOURS["tuned"])
    left.set(xlabel="step", ylabel="training loss")
    right.plot(*zip(*scores, strict=True), marker="o", color=COLOURS["hybrid"])
    right.set(xlabel="step", ylabel=f"validation {HEADLINE}")
    save(figure, folder / "training.png")
    write_text(folder / "loss.csv", "step,loss\n" + "".join(f"{step},{loss}\n" for step, loss in losses))
    write_text(folder / "validation.csv", f"step,{HEADLINE}\n" + "".join(f"{step},{s}\n" for step, s in scores))


def write_modules(rows: Sequence[dict[str, Any]], folder: Path) -> None:
    """What was seen of every module at every look, as one table: modules.csv."""
    columns = ("step", "module", "gradient", "clipped", "update_to_weight")
    lines = [",".join(str(row.get(column, "")) for column in columns) for row in rows]
    write_text(folder / "modules.csv", "\n".join([",".join(columns), *lines]) + "\n")
