"""Exact search with an encoder: all products, no approximate index.

Queries go through in blocks, so memory stays at block x passages whatever the number of queries.
"""

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from haechi.errors import HaechiError
from haechi.retrieval.run import Run

if TYPE_CHECKING:
    from sentence_transformers import SentenceTransformer

Vectors = npt.NDArray[np.float32]
BLOCK = 256


def encode_queries(model: "SentenceTransformer", texts: Sequence[str]) -> Vectors:
    """Unit vectors of queries, with the model's own query prompt.  # (texts, dim)"""
    return _unit(model.encode_query(list(texts), batch_size=64, show_progress_bar=False, convert_to_numpy=True))


def encode_passages(model: "SentenceTransformer", texts: Sequence[str]) -> Vectors:
    """Unit vectors of passages, with the model's own passage prompt.  # (texts, dim)"""
    return _unit(model.encode_document(list(texts), batch_size=64, show_progress_bar=False, convert_to_numpy=True))


def search(query_ids: Sequence[str], queries: Vectors, ids: Sequence[str], passages: Vectors, k: int) -> Run:
    """The k passages with the highest cosine for each query; ties by id."""
    k = min(k, len(ids))
    lists: dict[str, list[tuple[str, float]]] = {}
    for start in range(0, len(query_ids), BLOCK):
        scores = queries[start : start + BLOCK] @ passages.T  # (block, passages)
        lowest = np.partition(scores, -k, axis=1)[:, -k]
        for row, query_id in enumerate(query_ids[start : start + BLOCK]):
            # all that tie with the k-th come along, so that Run cuts by id
            top = np.flatnonzero(scores[row] >= lowest[row])
            lists[query_id] = [(ids[column], float(scores[row, column])) for column in map(int, top)]
    return Run(lists, k)


def _unit(vectors: Vectors) -> Vectors:
    if not np.isfinite(vectors).all():
        raise HaechiError("dense: the encoder gave vectors that are not finite")
    norms = np.linalg.norm(vectors, axis=1, keepdims=True)
    return np.asarray(vectors / np.maximum(norms, 1e-12), dtype=np.float32)
