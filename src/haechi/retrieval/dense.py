"""Exact search with an encoder: all products, no approximate index.

Queries and passages go through in blocks, so memory stays the same whatever the size of the corpus.
Vectors come from the row store, under the name of everything that decides them; `encode_queries` and `encode_passages` are
for models that change while they are measured, and store nothing.
"""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Literal

import numpy as np
import numpy.typing as npt

from haechi.errors import HaechiError
from haechi.models import batched
from haechi.models.batched import Precision
from haechi.models.identity import identity
from haechi.retrieval.run import Run
from haechi.rowstore.keys import Keys
from haechi.rowstore.namespaces import EMBEDDINGS
from haechi.rowstore.store import Store

if TYPE_CHECKING:
    from sentence_transformers import SentenceTransformer

Vectors = npt.NDArray[np.float32]
Task = Literal["query", "document"]
QUERIES = 1_024
PASSAGES = 8_192
PAIRS = 1 << 14  # products that are taken again at once
SLAB = 16_384  # texts looked up at once
MADE = 2_048  # texts encoded and written at once
ROUNDING = 1e-5
"""More than a product of unit vectors in float32 can be off."""


class Encoder:
    """A model whose vectors come from the row store; only texts that it never saw go through the model."""

    def __init__(self, model: "SentenceTransformer", store: Store, precision: Precision = "fp32") -> None:
        self._model, self._store, self._precision = model, store, precision
        self._cut = model.truncate_dim
        self._identity = identity(model, precision)
        self._keys = Keys(self._identity)

    def queries(self, texts: Sequence[str]) -> Vectors:
        """Unit vectors of queries, with the model's own query prompt.  # (texts, dim)"""
        return self._vectors(texts, "query")

    def passages(self, texts: Sequence[str]) -> Vectors:
        """Unit vectors of passages, with the model's own passage prompt.  # (texts, dim)"""
        return self._vectors(texts, "document")

    def _vectors(self, texts: Sequence[str], task: Task) -> Vectors:
        width = self._model.get_embedding_dimension() or 0
        order = sorted(range(len(texts)), key=lambda place: (len(texts[place]), texts[place]))  # alike in length, alike in shape
        found = np.zeros((len(texts), width), dtype=np.float32)
        for start in range(0, len(order), SLAB):
            places = order[start : start + SLAB]
            rows = self._slab([texts[place] for place in places], task)
            if wrong := next((len(row) for row in rows if len(row) != width), 0):
                raise HaechiError(
                    f"dense: the row store holds a vector of {wrong} numbers where this model gives {width}; "
                    "`haechi rows verify` looks for damage"
                )
            found[places] = rows
        return _unit(found)

    def _slab(self, texts: list[str], task: Task) -> list[Vectors]:
        prompt = _prompt(self._model, task)

        def made(missing: list[int]) -> list[Vectors]:
            some = [texts[place] for place in missing]
            vectors = batched.run(self._model, some, "sentence_embedding", self._precision, prompt, task)
            return list(_unit(vectors[:, : self._cut]))

        keys = [self._keys.of(text=text, task=task, prompt=prompt) for text in texts]
        return self._store.through(EMBEDDINGS, keys, made, MADE, self._identity)


def encode_queries(model: "SentenceTransformer", texts: Sequence[str]) -> Vectors:
    """Unit vectors of queries, with the model's own query prompt; nothing is stored.  # (texts, dim)"""
    return _unit(model.encode_query(list(texts), batch_size=64, show_progress_bar=False, convert_to_numpy=True))


def encode_passages(model: "SentenceTransformer", texts: Sequence[str]) -> Vectors:
    """Unit vectors of passages, with the model's own passage prompt; nothing is stored.  # (texts, dim)"""
    return _unit(model.encode_document(list(texts), batch_size=64, show_progress_bar=False, convert_to_numpy=True))


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


def _prompt(model: "SentenceTransformer", task: Task) -> str:
    """What encode_query and encode_document put before a text."""
    names = ("query",) if task == "query" else ("document", "passage", "corpus")
    name = next((name for name in names if name in model.prompts), model.default_prompt_name)
    return str(model.prompts[name]) if name else ""


def _unit(vectors: Vectors) -> Vectors:
    if not np.isfinite(vectors).all():
        raise HaechiError("dense: the encoder gave vectors that are not finite")
    norms = np.linalg.norm(vectors, axis=1, keepdims=True)
    return np.asarray(vectors / np.maximum(norms, 1e-12), dtype=np.float32)
