"""How the scores of positives and of mined negatives are spread, as a table that the report and `dvc plots` draw."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt

from haechi.records.mined import MinedExample
from haechi.runtime.files import write_csv

BINS = 50


def write_scores(examples: Sequence[MinedExample], file: Path) -> None:
    """Shares of positives and negatives by score; where they overlap, the miner can't tell them apart."""
    found = {
        "positives": np.array([score for example in examples for score in example.pos_scores]),
        "negatives": np.array([score for example in examples for score in example.neg_scores]),
    }
    together = np.concatenate(list(found.values()))
    low, high = (float(together.min()), float(together.max())) if len(together) else (0.0, 1.0)
    edges = np.linspace(low, high if high > low else low + 1.0, BINS + 1)
    columns = {"score": (edges[:-1] + edges[1:]) / 2} | {name: _shares(scores, edges) for name, scores in found.items()}
    rows = (dict(zip(columns, row, strict=True)) for row in zip(*columns.values(), strict=True))
    write_csv(file, tuple(columns), ({name: f"{value:.6f}" for name, value in row.items()} for row in rows))


def _shares(scores: npt.NDArray[np.float64], edges: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    counts = np.histogram(scores, edges)[0]
    shares: npt.NDArray[np.float64] = counts / max(1, counts.sum())
    return shares
