"""Exact search with an encoder: all products, no approximate index.

Queries and passages go through in blocks, so memory stays the same whatever the size of the corpus.
`encode_queries` and `encode_passages` store nothing, as befits a model that is measured while it changes;
`haechi.inference.cached_encoder` keeps what was made.
"""

from collections.abc import Sequence
from typing import Any, Literal, Protocol

import numpy as np
import numpy.typing as npt

from haechi.retrieval.run import Run
from haechi.runtime.errors import HaechiError

Task = Literal["query", "document"]
Vectors = npt.NDArray[np.float32]
QUERIES = 1_024
PASSAGES = 2_048
BATCH = 64  # texts that are embedded at once
PAIRS = 512  # products that are taken again at once: in double precision so many fit the cache
ROUNDING = 1e-5
"""More than a product of unit vectors in float32 can be off."""


class Encodes(Protocol):
    """A model of sentence-transformers, or what is asked like one."""

    def encode_query(self, *args: Any, **kwargs: Any) -> Any:
        """Vectors with the model's own query prompt."""

    def encode_document(self, *args: Any, **kwargs: Any) -> Any:
        """Vectors with the model's own passage prompt."""


def encode_queries(model: Encodes, texts: Sequence[str], batch: int = BATCH) -> Vectors:
    """Unit vectors of queries, with the model's own query prompt; nothing is stored.  # (texts, dim)"""
    return unit(model.encode_query(list(texts), batch_size=batch, show_progress_bar=False, convert_to_numpy=True))


def encode_passages(model: Encodes, texts: Sequence[str], batch: int = BATCH) -> Vectors:
    """Unit vectors of passages, with the model's own passage prompt; nothing is stored.  # (texts, dim)"""
    return unit(model.encode_document(list(texts), batch_size=batch, show_progress_bar=False, convert_to_numpy=True))


def encode(model: Encodes, texts: Sequence[str], task: Task) -> Vectors:
    """Unit vectors for that task.  # (texts, dim)"""
    return (encode_queries if task == "query" else encode_passages)(model, texts)


def search(query_ids: Sequence[str], queries: Vectors, ids: Sequence[str], passages: Vectors, k: int) -> Run:
    """The k passages with the highest cosine for each query; ties by id.

    Fast products find who may be among the k; theirs are taken again in float64, so that neither the place in a block
    nor the kernel of a machine decides an order.
    """
    if len(ids) and queries.shape[1] != passages.shape[1]:
        raise HaechiError(f"dense: queries have {queries.shape[1]} numbers, passages have {passages.shape[1]}")
    k = min(k, len(ids))
    place = np.empty(len(ids), dtype=np.int64)
    place[sorted(range(len(ids)), key=ids.__getitem__)] = np.arange(len(ids))  # among equals the lowest id wins
    slack = 2 * ROUNDING * max(1.0, _largest(queries) * _largest(passages))
    lists: dict[str, list[tuple[float, str]]] = {}
    for start in range(0, len(query_ids), QUERIES):
        block = queries[start : start + QUERIES]
        owner, rows, scores = _best(block, passages, place, k, slack)
        ends = np.searchsorted(owner, np.arange(len(block) + 1))
        names = [ids[row] for row in rows.tolist()]
        for number, query_id in enumerate(query_ids[start : start + QUERIES]):
            span = slice(ends[number], ends[number + 1])
            lists[query_id] = list(zip((-scores[span]).tolist(), names[span], strict=True))
    return Run.of_ranked(lists)


def _largest(vectors: Vectors) -> float:
    """The largest number by size; two passes over the vectors, where `abs` would first copy them."""
    return max(float(vectors.max(initial=0.0)), -float(vectors.min(initial=0.0)))


def _best(
    queries: Vectors, passages: Vectors, place: npt.NDArray[np.int64], k: int, slack: float
) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64], Vectors]:
    """Query, passage and score of the k best passages of each query, query by query, best first."""
    top = np.full((len(queries), k), -np.inf, np.float32)  # the k best products so far; nobody far below can be among them
    found: list[tuple[npt.NDArray[np.int64], npt.NDArray[np.int64], Vectors]] = []
    for start in range(0, len(passages) if k else 0, PASSAGES):
        products = queries @ passages[start : start + PASSAGES].T  # (queries, passages of the block)
        if start == 0 and products.shape[1] > k:
            top = np.partition(products, -k, axis=1)[:, -k:]
        places = np.flatnonzero(products >= (top.min(axis=1) - slack)[:, None])
        owner, rows = np.divmod(places, products.shape[1])
        scores = products.ravel()[places]
        found.append((owner, rows + start, scores))
        if start or products.shape[1] <= k:
            top = _raised(top, owner, scores)
    if not found:
        return np.zeros(0, np.int64), np.zeros(0, np.int64), np.zeros(0, np.float32)
    owner, rows, scores = (np.concatenate(parts) for parts in zip(*found, strict=True))
    near = scores >= (top.min(axis=1) - slack)[owner]
    owner, rows = owner[near], rows[near]
    scores = cosines(queries, passages, owner, rows)
    order = np.lexsort((place[rows], -scores, owner))
    first = np.searchsorted(owner[order], np.arange(len(queries)))
    order = order[np.arange(len(order)) - first[owner[order]] < k]
    return owner[order], rows[order], scores[order]


def _raised(top: Vectors, owner: npt.NDArray[np.int64], scores: Vectors) -> Vectors:
    """The k best of each query, once these scores (query by query) have come."""
    counts = np.bincount(owner, minlength=len(top))
    k, most = top.shape[1], int(counts.max(initial=0))
    if not most:
        return top
    column = np.arange(len(owner)) - np.repeat(np.cumsum(counts) - counts, counts)
    both = np.full((len(top), k + most), -np.inf, np.float32)
    both[:, :k] = top
    both[owner, k + column] = scores
    return np.partition(both, most, axis=1)[:, most:]


def cosines(queries: Vectors, passages: Vectors, owner: npt.NDArray[np.int64], rows: npt.NDArray[np.int64]) -> Vectors:
    """The product of unit vectors for each pair (owner, row), summed in float64: the same whatever stands beside it."""
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
