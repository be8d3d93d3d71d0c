"""The other two heads of a BGE-M3 encoder: learned token weights (sparse) and one vector a token (multi-vector).

The heads are read by FlagEmbedding itself, imported only when a folder has them.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from haechi.models.registry import ALIASES
from haechi.retrieval.run import Run
from haechi.runtime.errors import HaechiError
from haechi.scoring.names import COMBINED, MULTI_VECTOR, SPARSE

DENSE_WEIGHT, SPARSE_WEIGHT, MULTI_VECTOR_WEIGHT = 0.4, 0.2, 0.4  # BGE-M3's own, for the sum of its three scores
BLOCK = 64
LONGEST = ALIASES["bge-m3"].max_length

Array = npt.NDArray[np.float32]


@dataclass(frozen=True)
class Heads:
    """What the two heads say of texts, in their order."""

    weights: Sequence[Mapping[str, float]]
    """Token -> weight."""
    vectors: Sequence[Array]
    """One unit vector a token.  # (tokens, dim)"""


Encode = Callable[[Sequence[str]], Heads]


def load_heads(folder: Path, device: str) -> Encode:
    """FlagEmbedding's encoder of a folder."""
    try:
        from FlagEmbedding import BGEM3FlagModel
    except ImportError as error:
        raise HaechiError(f"{folder}: scoring its sparse and multi-vector heads needs `pip install FlagEmbedding`") from error
    model = BGEM3FlagModel(str(folder), use_fp16=False, devices=[device])
    longest = min(model.tokenizer.model_max_length, LONGEST)  # as far as the dense vector reads, not FlagEmbedding's own 512

    def encode(texts: Sequence[str]) -> Heads:
        wanted = {"return_dense": False, "return_sparse": True, "return_colbert_vecs": True}
        out = model.encode(list(texts), batch_size=16, max_length=longest, **wanted)
        return Heads(out["lexical_weights"], [np.asarray(v, dtype=np.float32) for v in out["colbert_vecs"]])

    return encode


def sparse_run(query_ids: Sequence[str], queries: Heads, ids: Sequence[str], passages: Heads, k: int) -> Run:
    """The best passages by the sum over shared tokens of both weights."""
    from scipy.sparse import csr_array

    number: dict[str, int] = {}

    def matrix(rows: Sequence[Mapping[str, float]], *, grow: bool) -> csr_array:
        columns, data, ends = [], [], [0]
        for row in rows:
            for token, weight in row.items():
                if grow or token in number:
                    columns.append(number.setdefault(token, len(number)))
                    data.append(float(weight))
            ends.append(len(columns))
        return csr_array((data, columns, ends), shape=(len(rows), len(number)))

    table = matrix(passages.weights, grow=True).T.tocsr()
    asked = matrix(queries.weights, grow=False)
    lists: dict[str, list[tuple[str, float]]] = {}
    for start in range(0, len(query_ids), BLOCK):
        scores = (asked[start : start + BLOCK] @ table).toarray()
        for query_id, row in zip(query_ids[start : start + BLOCK], scores, strict=True):
            lowest = np.partition(row, -k)[-k] if k < len(row) else 0.0
            lists[query_id] = [(ids[i], float(row[i])) for i in map(int, np.flatnonzero((row >= lowest) & (row > 0)))]
    return Run(lists, k)


def m3_runs(query_ids: Sequence[str], queries: Heads, ids: Sequence[str], passages: Heads, dense: Run, k: int) -> dict[str, Run]:
    """Sparse over the whole corpus; multi-vector and the combined score over what dense or sparse search finds."""
    sparse = sparse_run(query_ids, queries, ids, passages, k)
    place = {id: i for i, id in enumerate(ids)}
    late: dict[str, list[tuple[str, float]]] = {}
    summed: dict[str, list[tuple[str, float]]] = {}
    for query_id, vectors in zip(query_ids, queries.vectors, strict=True):
        by_dense, by_sparse = dict(dense[query_id]), dict(sparse[query_id])
        found = sorted(by_dense.keys() | by_sparse.keys())
        late[query_id] = [(id, late_interaction(vectors, passages.vectors[place[id]])) for id in found]
        summed[query_id] = [(id, _combined(by_dense.get(id, 0.0), by_sparse.get(id, 0.0), score)) for id, score in late[query_id]]
    return {SPARSE: sparse, MULTI_VECTOR: Run(late, k), COMBINED: Run(summed, k)}


def late_interaction(query: Array, passage: Array) -> float:
    """Mean over the query's tokens of the best match among the passage's tokens."""
    return float((query @ passage.T).max(axis=1).mean())


def _combined(dense: float, sparse: float, late: float) -> float:
    return DENSE_WEIGHT * dense + SPARSE_WEIGHT * sparse + MULTI_VECTOR_WEIGHT * late
