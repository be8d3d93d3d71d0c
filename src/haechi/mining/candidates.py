"""The candidates of all queries as one table: which passage, how it was found, its ranks and scores.

A row is one (query, passage). Rows are sorted by query, then by passage; queries and passages are numbered, and passages in
the order of their ids, so that a tie broken by number is a tie broken by id.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields

import numpy as np
import numpy.typing as npt

from haechi.retrieval.run import Run
from haechi.runtime.errors import HaechiError

Ints = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float32]
Flags = npt.NDArray[np.bool_]

WAYS = ("bm25", "dense", "structural", "random")
BM25, DENSE, STRUCTURAL, RANDOM = (1 << bit for bit in range(len(WAYS)))


@dataclass(frozen=True)
class Candidates:
    """Columns of equal length."""

    query: Ints
    passage: Ints
    found_by: npt.NDArray[np.uint8]
    """Bits of WAYS; 0 where a query's own positive was found by none."""
    bm25_rank: npt.NDArray[np.uint16]
    """From 1; 0 where BM25 didn't find it."""
    bm25: Floats
    dense_rank: npt.NDArray[np.uint16]
    dense: Floats
    """Cosine under the encoder, whoever found the passage."""
    score: Floats
    """What hardness and margin go by: the reranker's where there is one (NaN where it wasn't asked), else the cosine."""

    def __len__(self) -> int:
        return len(self.query)

    def take(self, rows: Ints | Flags) -> "Candidates":
        """Some of the rows."""
        return Candidates(*(getattr(self, field.name)[rows] for field in fields(self)))


@dataclass(frozen=True)
class Ranking:
    """One retriever's lists as columns: query, passage, rank from 1, score."""

    query: Ints
    passage: Ints
    rank: npt.NDArray[np.uint16]
    score: Floats


def ranking(run: Run, query_ids: Sequence[str], number: Mapping[str, int]) -> Ranking:
    """The lists of these queries, numbered."""
    counts, ids, scores = run.columns(query_ids)
    lengths, score = np.array(counts, dtype=np.int64), np.array(scores, dtype=np.float32)
    try:
        passage = np.array([number[id] for id in ids], dtype=np.int64)
    except KeyError as error:
        raise HaechiError(f"mine: a search found passage {error.args[0]}, which is not in the corpus") from error
    rank = np.arange(len(passage)) - np.repeat(np.cumsum(lengths) - lengths, lengths) + 1
    return Ranking(np.repeat(np.arange(len(lengths)), lengths), passage, rank.astype(np.uint16), score)


def gather(bm25: Ranking, dense: Ranking, structural: Ints, own: Ints, passages: int) -> Candidates:
    """One row a (query, passage); structural candidates and own positives come as keys. Cosines are not there yet."""
    keys = [bm25.query * passages + bm25.passage, dense.query * passages + dense.passage, structural, own]
    rows = distinct(np.concatenate(keys))
    found_by = np.zeros(len(rows), dtype=np.uint8)
    ranks = np.zeros((2, len(rows)), dtype=np.uint16)
    lexical = np.full(len(rows), np.nan, dtype=np.float32)
    for bit, part in zip((BM25, DENSE, STRUCTURAL), keys, strict=False):
        found_by[np.searchsorted(rows, part)] |= np.uint8(bit)
    for rank, part, lists in zip(ranks, keys, (bm25, dense), strict=False):
        rank[np.searchsorted(rows, part)] = lists.rank
    lexical[np.searchsorted(rows, keys[0])] = bm25.score
    unknown = np.full(len(rows), np.nan, dtype=np.float32)
    return Candidates(rows // passages, rows % passages, found_by, ranks[0], lexical, ranks[1], unknown, unknown)


def bare(keys: Ints, passages: int, found_by: int) -> Candidates:
    """Candidates that no retriever ranked."""
    nothing = Ranking(keys[:0], keys[:0], np.zeros(0, dtype=np.uint16), np.zeros(0, dtype=np.float32))
    made = gather(nothing, nothing, keys[:0], keys, passages)
    made.found_by[:] = found_by
    return made


def names_of_ways() -> list[str]:
    """What each value of `found_by` is called: bm25+dense, structural, ...; empty for 0."""
    return ["+".join(way for bit, way in enumerate(WAYS) if value >> bit & 1) for value in range(1 << len(WAYS))]


def joined(first: Candidates, second: Candidates) -> Candidates:
    """The rows of one after those of the other."""
    return Candidates(*(np.concatenate([getattr(first, f.name), getattr(second, f.name)]) for f in fields(Candidates)))


def distinct(keys: Ints) -> Ints:
    """The keys sorted, each once; ten times as fast as np.unique, which hashes first."""
    keys = np.sort(keys)
    return keys[np.r_[True, keys[1:] != keys[:-1]]] if len(keys) else keys
