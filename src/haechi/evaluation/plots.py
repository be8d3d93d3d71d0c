"""Plots of the evaluation: systems with their intervals, recall at k."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from haechi.evaluation.drawing import pyplot, save
from haechi.evaluation.names import COLOURS, HEADLINE, OTHER_COLOUR, label, shown


def draw_systems(metrics: dict[str, Any], path: Path) -> None:
    """Headline metric of each system with its interval."""
    plt = pyplot()
    systems = shown(metrics["primary"])
    values = [metrics["primary"][s][HEADLINE] for s in systems]
    bounds = [metrics["interval"][s][HEADLINE] for s in systems]
    below = [value - bound["low"] for value, bound in zip(values, bounds, strict=True)]
    above = [bound["high"] - value for value, bound in zip(values, bounds, strict=True)]
    figure, axes = plt.subplots(figsize=(7, 3.2), layout="constrained")
    axes.barh(
        [label(s) for s in systems], values, xerr=[below, above], color=[COLOURS.get(s, OTHER_COLOUR) for s in systems], capsize=3
    )
    axes.invert_yaxis()
    axes.set_xlim(0, 1)
    axes.set_xlabel(f"{HEADLINE} on {metrics['n_queries']} test queries, with {metrics['confidence']:.0%} intervals")
    save(figure, path)


def draw_recall(metrics: dict[str, Any], k_values: Sequence[int], path: Path) -> None:
    """Recall at k of each system."""
    plt = pyplot()
    figure, axes = plt.subplots(figsize=(7, 4), layout="constrained")
    for system in shown(metrics["primary"]):
        values = [metrics["primary"][system][f"recall@{k}"] for k in k_values]
        axes.plot(k_values, values, marker="o", color=COLOURS.get(system, OTHER_COLOUR), label=label(system))
    axes.set_xscale("log")
    axes.set_xticks(list(k_values), [str(k) for k in k_values])
    axes.minorticks_off()
    axes.set_ylim(0, 1)
    axes.set_xlabel("k")
    axes.set_ylabel("share of cited articles among the first k")
    axes.legend(frameon=False)
    save(figure, path)
