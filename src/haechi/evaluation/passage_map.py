"""A map of the corpus: passages on a plane, by the untuned and by the tuned model, neighbours near each other (t-SNE)."""

from collections.abc import Mapping, Sequence
from hashlib import sha256
from typing import Any

import numpy as np
import numpy.typing as npt

from haechi.evaluation.tsne import tsne
from haechi.records.passage import Passage
from haechi.retrieval.dense import Vectors

MOST = 1200
"""Points on the map; of a larger corpus a part, drawn by the hashes of ids."""
PERPLEXITY = 30.0


def draw_map(corpus: Sequence[Passage], spaces: Mapping[str, Vectors], seed: int) -> list[dict[str, Any]]:
    """A row a passage: its id, its law, and its place by each model; no rows where there are too few to map."""
    drawn = sorted(range(len(corpus)), key=lambda i: sha256(f"{seed} {corpus[i].id}".encode()).digest())[:MOST]
    chosen = sorted(drawn, key=lambda i: corpus[i].id)
    if len(chosen) < 3:
        return []
    placed = {model: plane(np.asarray(vectors[chosen], dtype=np.float64)) for model, vectors in spaces.items()}
    return [
        {"id": corpus[i].id, "law": corpus[i].law_name}
        | {f"{model}_{axis}": round(float(at[row, side]), 3) for model, at in placed.items() for side, axis in enumerate("xy")}
        for row, i in enumerate(chosen)
    ]


def plane(vectors: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """Two coordinates a row, the widest of them 1; one thread, since sums of several differ in their last bits and grow."""
    from threadpoolctl import threadpool_limits

    with threadpool_limits(1):
        at = tsne(vectors, min(PERPLEXITY, (len(vectors) - 1) / 3))
    at = at - at.mean(axis=0)
    return np.asarray(at / max(float(np.abs(at).max()), 1e-9), dtype=np.float64)
