"""Plots as PNG, drawn without a display and without dates in the file."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from haechi.evaluation.summary import HEADLINE
from haechi.evaluation.systems import ORDER
from haechi.evaluation.tables import LABELS
from haechi.files import atomic_file, write_text

COLOURS = {"popularity": "#999999", "bm25": "#E69F00", "base": "#56B4E9", "tuned": "#0072B2", "hybrid": "#009E73"}
"""Okabe and Ito's palette: tells systems apart for colour-blind readers too."""


def draw_systems(metrics: dict[str, Any], path: Path) -> None:
    """Headline metric of each system with its interval."""
    plt = _pyplot()
    systems = [s for s in ORDER if s in metrics["primary"]]
    values = [metrics["primary"][s][HEADLINE] for s in systems]
    bounds = [metrics["interval"][s][HEADLINE] for s in systems]
    below = [value - bound["low"] for value, bound in zip(values, bounds, strict=True)]
    above = [bound["high"] - value for value, bound in zip(values, bounds, strict=True)]
    figure, axes = plt.subplots(figsize=(7, 3.2), layout="constrained")
    axes.barh([LABELS[s] for s in systems], values, xerr=[below, above], color=[COLOURS[s] for s in systems], capsize=3)
    axes.invert_yaxis()
    axes.set_xlim(0, 1)
    axes.set_xlabel(f"{HEADLINE} on {metrics['n_queries']} test queries, with 95% intervals")
    _save(figure, path)


def draw_recall(metrics: dict[str, Any], k_values: Sequence[int], path: Path) -> None:
    """Recall at k of each system."""
    plt = _pyplot()
    figure, axes = plt.subplots(figsize=(7, 4), layout="constrained")
    for system in (s for s in ORDER if s in metrics["primary"]):
        values = [metrics["primary"][system][f"recall@{k}"] for k in k_values]
        axes.plot(k_values, values, marker="o", color=COLOURS[system], label=LABELS[system])
    axes.set_xscale("log")
    axes.set_xticks(list(k_values), [str(k) for k in k_values])
    axes.minorticks_off()
    axes.set_ylim(0, 1)
    axes.set_xlabel("k")
    axes.set_ylabel("share of cited articles among the first k")
    axes.legend(frameon=False)
    _save(figure, path)


def draw_history(history: Sequence[dict[str, Any]], folder: Path) -> None:
    """Loss and validation over the steps, as a picture and as tables for `dvc plots`."""
    plt = _pyplot()
    figure, (left, right) = plt.subplots(1, 2, figsize=(9, 3.2), layout="constrained")
    losses = [(row["step"], row["loss"]) for row in history if "loss" in row]
    scores = [(row["step"], row[f"valid_{HEADLINE}"]) for row in history if f"valid_{HEADLINE}" in row]
    left.plot(*zip(*losses, strict=True), color=COLOURS["tuned"]) if losses else None
    left.set(xlabel="step", ylabel="training loss")
    right.plot(*zip(*scores, strict=True), marker="o", color=COLOURS["hybrid"])
    right.set(xlabel="step", ylabel=f"validation {HEADLINE}")
    _save(figure, folder / "training.png")
    write_text(folder / "loss.csv", "step,loss\n" + "".join(f"{step},{loss}\n" for step, loss in losses))
    write_text(folder / "validation.csv", f"step,{HEADLINE}\n" + "".join(f"{step},{s}\n" for step, s in scores))


def _pyplot() -> Any:
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot

    pyplot.rcParams.update({"axes.spines.top": False, "axes.spines.right": False})
    return pyplot


def _save(figure: Any, path: Path) -> None:
    with atomic_file(path) as stream:
        figure.savefig(stream, format="png", dpi=130, metadata={"Software": None})
    _pyplot().close(figure)
