"""How the scores of positives and of mined negatives are spread: a picture, and a table for `dvc plots`."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt

from haechi.evaluation.drawing import pyplot, save
from haechi.evaluation.names import COLOURS
from haechi.files import write_text
from haechi.records.mined import MinedExample

BINS = 50
SERIES = {"positives": COLOURS["tuned"], "negatives": COLOURS["bm25"]}


def draw_scores(examples: Sequence[MinedExample], folder: Path) -> None:
    """Shares of positives and negatives by score; where they overlap, the miner can't tell them apart."""
    found = {
        "positives": np.array([score for example in examples for score in example.pos_scores]),
        "negatives": np.array([score for example in examples for score in example.neg_scores]),
    }
    together = np.concatenate(list(found.values()))
    low, high = (float(together.min()), float(together.max())) if len(together) else (0.0, 1.0)
    edges = np.linspace(low, high if high > low else low + 1.0, BINS + 1)
    shares = {name: _shares(scores, edges) for name, scores in found.items()}
    middles = (edges[:-1] + edges[1:]) / 2
    rows = (",".join(f"{value:.6f}" for value in row) for row in zip(middles, *shares.values(), strict=True))
    write_text(folder / "scores.csv", "\n".join([f"score,{','.join(shares)}", *rows]) + "\n")

    figure, axes = pyplot().subplots(figsize=(7, 3.2), layout="constrained")
    for name, share in shares.items():
        axes.stairs(share, edges, fill=True, alpha=0.5, color=SERIES[name], label=f"{name} ({len(found[name]):,})")
    axes.set(xlabel="score that the margin went by", ylabel="share")
    axes.legend(frameon=False)
    save(figure, folder / "scores.png")


def _shares(scores: npt.NDArray[np.float64], edges: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    counts = np.histogram(scores, edges)[0]
    shares: npt.NDArray[np.float64] = counts / max(1, counts.sum())
    return shares
