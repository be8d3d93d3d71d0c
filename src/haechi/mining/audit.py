"""What is written down of every candidate, so that any negative can be explained later.

`queries.jsonl` has a row a query; `candidates.parquet` a row a (query, passage), grouped by query, the best score first.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from haechi.mining.candidates import names_of_ways
from haechi.mining.filters import CODE, FATES
from haechi.mining.mine import Mined
from haechi.mining.relevance import Corpus
from haechi.records.mined import MinedExample
from haechi.runtime.errors import HaechiError
from haechi.runtime.files import atomic_file, read_records, write_csv, write_jsonl

QUERIES, CANDIDATES = "queries.jsonl", "candidates.parquet"
_GROUP = 1 << 17  # rows that are read to show one query


@dataclass(frozen=True, slots=True)
class AuditedQuery:
    """A query as it was mined."""

    query_id: str
    split: str
    source: str
    query: str
    positives: tuple[str, ...]
    lowest_positive: float
    """The score that the margin is measured from."""
    chosen: int
    suspicious: bool
    """None of its positives was found by BM25 or the encoder."""


@dataclass(frozen=True, slots=True)
class AuditedCandidate:
    """A candidate with all that decided its fate; None where a retriever or the reranker said nothing, or there was none."""

    passage_id: str
    found_by: str
    bm25_rank: int | None
    bm25: float | None
    dense_rank: int | None
    dense: float
    reranked: float | None
    fate: str


def write_audit(folder: Path, splits: Mapping[str, Mined], corpus: Corpus) -> None:
    """Write both files into a folder that exists."""
    write_jsonl(folder / QUERIES, (row for split, mined in splits.items() for row in _queries(split, mined)))
    _write_candidates(folder / CANDIDATES, list(splits.values()), corpus)


def read_query(folder: Path, query_id: str) -> tuple[AuditedQuery, list[AuditedCandidate]]:
    """One query and all its candidates, the best score first."""
    import pyarrow.parquet as pq

    query = next((q for q in read_queries(folder) if q.query_id == query_id), None)
    if query is None:
        raise HaechiError(
            f"{folder / QUERIES}: no query {query_id}; ids are those of pairs and questions, such as PREC_…_s1 or Q_…"
        )
    table = pq.read_table(folder / CANDIDATES, filters=[("query_id", "=", query_id)])
    rows = table.drop_columns(["query_id"]).to_pylist()
    return query, [AuditedCandidate(**row) for row in rows]


def read_queries(folder: Path) -> Iterator[AuditedQuery]:
    """Every query that was mined."""
    return read_records(folder / QUERIES, AuditedQuery)


def _queries(split: str, mined: Mined) -> Iterator[AuditedQuery]:
    chosen = np.bincount(mined.candidates.query[mined.fates == CODE["chosen"]], minlength=len(mined.queries))
    for row, query in enumerate(mined.queries):
        yield AuditedQuery(
            query_id=query.id,
            split=split,
            source=query.source,
            query=query.text,
            positives=query.positives,
            lowest_positive=round(float(mined.lowest[row]), 6),
            chosen=int(chosen[row]),
            suspicious=row in mined.suspicious,
        )


def _write_candidates(path: Path, splits: Sequence[Mined], corpus: Corpus) -> None:
    """One row group after another, by one thread: the same table gives the same bytes."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    text = pa.dictionary(pa.int32(), pa.string())
    schema = pa.schema(
        [
            ("query_id", text),
            ("passage_id", text),
            ("found_by", text),
            ("bm25_rank", pa.uint16()),
            ("bm25", pa.float32()),
            ("dense_rank", pa.uint16()),
            ("dense", pa.float32()),
            ("reranked", pa.float32()),
            ("fate", text),
        ]
    )
    passages = [passage.id for passage in corpus.passages]
    with atomic_file(path) as stream, pq.ParquetWriter(stream, schema, compression="zstd") as writer:
        for mined in splits:
            ids = pa.array([query.id for query in mined.queries], pa.string())
            order = np.lexsort((mined.candidates.passage, -mined.candidates.score, mined.candidates.query))
            for start in range(0, len(order), _GROUP):
                rows = order[start : start + _GROUP]
                c, fates = mined.candidates.take(rows), mined.fates[rows]
                columns = [
                    pa.DictionaryArray.from_arrays(c.query.astype(np.int32), ids),
                    pa.DictionaryArray.from_arrays(c.passage.astype(np.int32), pa.array(passages, pa.string())),
                    pa.DictionaryArray.from_arrays(c.found_by.astype(np.int32), pa.array(names_of_ways(), pa.string())),
                    pa.array(c.bm25_rank, mask=c.bm25_rank == 0),
                    pa.array(c.bm25, mask=np.isnan(c.bm25)),
                    pa.array(c.dense_rank, mask=c.dense_rank == 0),
                    pa.array(c.dense),
                    pa.array(c.score, mask=np.isnan(c.score) | (not mined.reranked)),
                    pa.DictionaryArray.from_arrays(fates.astype(np.int32), pa.array(FATES, pa.string())),
                ]
                writer.write_table(pa.Table.from_arrays(columns, schema=schema))


BINS = 50


def write_scores(examples: Sequence[MinedExample], file: Path) -> None:
    """Shares of positives and negatives by score; where they overlap, the miner can't tell them apart."""
    scores_of = {
        "positives": np.array([score for example in examples for score in example.pos_scores]),
        "negatives": np.array([score for example in examples for score in example.neg_scores]),
    }
    together = np.concatenate(list(scores_of.values()))
    low, high = (float(together.min()), float(together.max())) if len(together) else (0.0, 1.0)
    edges = np.linspace(low, high if high > low else low + 1.0, BINS + 1)
    columns = {"score": (edges[:-1] + edges[1:]) / 2} | {name: _shares(scores, edges) for name, scores in scores_of.items()}
    rows = (dict(zip(columns, row, strict=True)) for row in zip(*columns.values(), strict=True))
    write_csv(file, tuple(columns), ({name: f"{value:.6f}" for name, value in row.items()} for row in rows))


def _shares(scores: npt.NDArray[np.float64], edges: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    counts = np.histogram(scores, edges)[0]
    shares: npt.NDArray[np.float64] = counts / max(1, counts.sum())
    return shares
