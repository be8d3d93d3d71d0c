"""Lengths of written questions beside those of real queries, as a table that the report and `dvc plots` draw."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from haechi.questions.report import Portrait
from haechi.runtime.files import write_csv

_BIN, _LONGEST = 10, 200


def write_lengths(portrait: Portrait, file: Path) -> None:
    """Share of the questions, and of each kind of real queries, by number of characters."""
    edges = np.arange(0, _LONGEST + _BIN, _BIN)
    lengths = {"questions": portrait.chars, **portrait.real_chars}
    shares = {name: _shares(values, edges) for name, values in lengths.items()}
    rows = ({"chars": edge} | {name: f"{found[n]:.4f}" for name, found in shares.items()} for n, edge in enumerate(edges[:-1]))
    write_csv(file, ("chars", *shares), rows)


def _shares(values: Sequence[int], edges: np.ndarray) -> np.ndarray:
    """Share of the values in each bin; what is larger than the last edge counts in the last."""
    if not len(values):
        return np.zeros(len(edges) - 1)
    return np.asarray(np.histogram(np.clip(values, edges[0], edges[-1]), edges)[0] / len(values))
