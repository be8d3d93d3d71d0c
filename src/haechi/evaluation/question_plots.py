"""What generated questions look like: their length beside real queries, words shared with the passage, BM25's rank, styles."""

from collections import Counter
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from haechi.evaluation.drawing import pyplot, save
from haechi.files import write_text
from haechi.questions.report import DEPTH, RANKS, Portrait

_BIN, _LONGEST = 10, 200
_PALETTE = ("#0072B2", "#E69F00", "#009E73", "#CC79A7", "#56B4E9", "#D55E00", "#F0E442", "#999999")


def draw_questions(portrait: Portrait, folder: Path) -> None:
    """One picture of four panels, and two tables for `dvc plots`."""
    plt = pyplot()
    figure, axes = plt.subplots(2, 2, figsize=(10, 6.4), layout="constrained")
    edges = np.arange(0, _LONGEST + _BIN, _BIN)
    lengths = {"questions": portrait.chars, **portrait.real_chars}
    shares = {name: _shares(values, edges) for name, values in lengths.items()}
    for (name, values), colour in zip(shares.items(), _PALETTE, strict=False):
        axes[0, 0].stairs(values, edges, label=f"{name} ({len(lengths[name])})", color=colour, baseline=None)
    axes[0, 0].set(xlabel="characters", ylabel="share", title="Length beside real queries")
    axes[0, 0].legend(frameon=False)

    styles = sorted(set(portrait.styles))
    overlap_edges = np.linspace(0, 1, 11)
    for style, colour in zip(styles, _PALETTE, strict=False):
        overlaps = [o for s, o in zip(portrait.styles, portrait.overlaps, strict=True) if s == style]
        axes[0, 1].stairs(_shares(overlaps, overlap_edges), overlap_edges, label=style, color=colour, baseline=None)
    axes[0, 1].set(xlabel="share of the question's words in the passage", ylabel="share", title="Words shared with the passage")
    if styles:
        axes[0, 1].legend(frameon=False)

    bands = {f"≤ {k}": np.mean([0 < r <= k for r in portrait.ranks]) if portrait.ranks else 0.0 for k in RANKS}
    axes[1, 0].bar(list(bands), list(bands.values()), color=_PALETTE[0])
    axes[1, 0].set(ylim=(0, 1), ylabel="share", title=f"BM25 rank of the passage (first {DEPTH} looked at)")
    counts = Counter(portrait.styles)
    axes[1, 1].barh(styles, [counts[style] for style in styles], color=_PALETTE[: len(styles)] or None)
    axes[1, 1].set(xlabel="questions before the round trip", title="Styles")
    save(figure, folder / "questions.png")

    rows = [",".join(("chars", *shares))]
    rows += [",".join((str(int(edge)), *(f"{values[i]:.4f}" for values in shares.values()))) for i, edge in enumerate(edges[:-1])]
    write_text(folder / "lengths.csv", "\n".join(rows) + "\n")
    rank_rows = "".join(f"{k},{bands[f'≤ {k}']:.4f}\n" for k in RANKS)
    write_text(folder / "bm25_rank.csv", "k,share\n" + rank_rows)


def _shares(values: Sequence[float], edges: np.ndarray) -> np.ndarray:
    """Share of the values in each bin; what is larger than the last edge counts there."""
    if not len(values):
        return np.zeros(len(edges) - 1)
    clipped = np.clip(np.asarray(values, dtype=float), edges[0], edges[-1])
    return np.asarray(np.histogram(clipped, edges)[0] / len(values))
