"""`haechi mined show`: one query of the mine stage, explained from the audit."""

from collections import Counter
from pathlib import Path

import click

from haechi.cli import options
from haechi.cli.project import Commands
from haechi.mining.audit import AuditedCandidate, AuditedQuery, read_query
from haechi.mining.sample import MEANINGS
from haechi.records.passage import Passage
from haechi.runtime.files import read_records
from haechi.runtime.options import FOLDER
from haechi.runtime.progress import say, show_table

COLUMNS = ("passage", "found by", "bm25 rank", "bm25", "dense rank", "cosine", "reranked", "fate", "title")
_CHARS = 24


@click.group(cls=Commands)
def mined() -> None:
    """Explain what the mine stage did with a query."""


@mined.command(epilog="Example: haechi mined show QUERY_ID, with an id of data/mined/train.jsonl")
@click.argument("query_id")
@click.option("--audit", type=FOLDER, default=Path("data/mined/audit"), show_default=True, help="Where the stage wrote it down.")
@options.corpus
def show(query_id: str, audit: Path, corpus: Path) -> None:
    """Explain one example: every candidate of a query with its ranks, its scores and its fate."""
    query, candidates = read_query(audit, query_id)
    wanted = {candidate.passage_id for candidate in candidates}
    names = {p.id: p.title or p.law_name for p in read_records(corpus, Passage) if p.id in wanted}
    say(_head(query))
    show_table(f"{len(candidates)} candidates", COLUMNS, (_row(c, names.get(c.passage_id, "")) for c in candidates))
    counts = Counter(candidate.fate for candidate in candidates)
    for fate, meaning in MEANINGS.items():
        if counts[fate]:
            say(f"{counts[fate]:4} {fate}: {meaning}")


def _head(query: AuditedQuery) -> str:
    note = "\nsuspicious: neither BM25 nor the encoder found a positive" if query.suspicious else ""
    return (
        f"{query.query_id} ({query.split}, {query.source})\n{query.query}\n"
        f"positives: {', '.join(query.positives)}; the worst scores {query.lowest_positive:.4f}{note}"
    )


def _row(candidate: AuditedCandidate, name: str) -> tuple[str, ...]:
    return (
        candidate.passage_id,
        candidate.found_by or "-",
        _figure(candidate.bm25_rank, 0),
        _figure(candidate.bm25, 2),
        _figure(candidate.dense_rank, 0),
        _figure(candidate.dense, 4),
        _figure(candidate.reranked, 4),
        candidate.fate,
        name[:_CHARS],
    )


def _figure(value: float | None, places: int) -> str:
    return "-" if value is None else f"{value:.{places}f}"
