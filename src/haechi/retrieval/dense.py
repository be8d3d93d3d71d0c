"""Exact search with an encoder: all products, no approximate index.

Queries and passages go through in blocks, so memory stays the same whatever the size of the corpus.
`encode_queries` and `encode_passages` store nothing, as befits a model that is measured while it changes;
`haechi.retrieval.encoder` keeps what was made.
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
QUERIES = 1_024
PASSAGES = 8_192
PAIRS = 1 << 14  # products that are taken again at once
ROUNDING = 1e-5
"""More than a product of unit vectors in float32 can be off."""


def encode_queries(model: "SentenceTransformer", texts: Sequence[str]) -> Vectors:
    """Unit vectors of queries, with the model's own query prompt; nothing is stored.  # (texts, dim)"""
    return unit(model.encode_query(list(texts), batch_size=64, show_progress_bar=False, convert_to_numpy=True))


def encode_passages(model: "SentenceTransformer", texts: Sequence[str]) -> Vectors:
    """Unit vectors of passages, with the model's own passage prompt; nothing is stored.  # (texts, dim)"""
    return unit(model.encode_document(list(texts), batch_size=64, show_progress_bar=False, convert_to_numpy=True))


def search(query_ids: Sequence[str], queries: Vectors, ids: Sequence[str], passages: Vectors, k: int) -> Run:
    """The k passages with the highest cosine for each query; ties by id.

    Fast products find who may be among the k; theirs are taken again in float64, so that neither the place in a block
    nor the kernel of a machine decides an order.
    """
    if len(ids) and queries.shape[1] != passages.shape[1]:
        raise HaechiError(f"dense: queries have {queries.shape[1]} numbers, passages have {passages.shape[1]}")
    k = min(k, len(ids))
    place = np.empty(len(ids), dtype=np.int64)
    place[sorted(range(len(ids)), key=lambda row: ids[row])] = np.arange(len(ids))  # among equals the lowest id wins
    lists: dict[str, list[tuple[str, float]]] = {}
    for start in range(0, len(query_ids), QUERIES):
        block = queries[start : start + QUERIES]
        owner, rows, scores = _best(block, passages, place, k)
        ends = np.searchsorted(owner, np.arange(len(block) + 1))
        names = [ids[row] for row in rows.tolist()]
        for number, query_id in enumerate(query_ids[start : start + QUERIES]):
            span = slice(ends[number], ends[number + 1])
            lists[query_id] = list(zip(names[span], scores[span].tolist(), strict=True))
    return Run(lists, k)


def _best(
    queries: Vectors, passages: Vectors, place: npt.NDArray[np.int64], k: int
) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64], Vectors]:
    """Query, passage and score of the k best passages of each query, query by query, best first."""
    owner, rows = np.zeros(0, np.int64), np.zeros(0, np.int64)
    scores = np.zeros(0, np.float32)
    floor = np.full(len(queries), -np.inf, np.float32)  # nobody below can be among the k any more
    slack = ROUNDING * max(1.0, float(np.abs(queries).max(initial=0.0)) * float(np.abs(passages).max(initial=0.0)))
    for start in range(0, len(passages) if k else 0, PASSAGES):
        products = queries @ passages[start : start + PASSAGES].T  # (queries, passages of the block)
        if products.shape[1] > k:
            cut = np.partition(products, -k, axis=1)[:, -k] if start == 0 else floor
            floor = np.maximum(floor, cut)
        new_owner, new_rows = np.nonzero(products >= (floor - slack)[:, None])
        new_rows += start
        new_scores = _products(queries, passages, new_owner, new_rows)
        owner, rows = np.concatenate([owner, new_owner]), np.concatenate([rows, new_rows])
        scores = np.concatenate([scores, new_scores])
        order = np.lexsort((place[rows], -scores, owner))
        first = np.searchsorted(owner[order], np.arange(len(queries)))
        order = order[np.arange(len(order)) - first[owner[order]] < k]
        owner, rows, scores = owner[order], rows[order], scores[order]
        full = np.bincount(owner, minlength=len(queries)) == k
        last = np.searchsorted(owner, np.arange(len(queries)), side="right") - 1
        floor[full] = np.maximum(floor[full], scores[last[full]])
    return owner, rows, scores


def _products(queries: Vectors, passages: Vectors, owner: npt.NDArray[np.int64], rows: npt.NDArray[np.int64]) -> Vectors:
    """One product a pair, summed in float64."""
    made = np.empty(len(owner), dtype=np.float32)
    for start in range(0, len(owner), PAIRS):
        span = slice(start, start + PAIRS)
        one, other = queries[owner[span]].astype(np.float64), passages[rows[span]].astype(np.float64)
        made[span] = np.einsum("ij,ij->i", one, other)
    return made


def unit(vectors: Vectors) -> Vectors:
    """Rows of length 1 (zeros stay zeros); numbers that are not finite are refused."""
    if not np.isfinite(vectors).all():
        raise HaechiError("dense: the encoder gave vectors that are not finite")
    norms = np.linalg.norm(vectors, axis=1, keepdims=True)
    return np.asarray(vectors / np.maximum(norms, 1e-12), dtype=np.float32)
