"""Judging by people: courts' citations are incomplete, so what systems found may be right without being cited.

`export` writes the best articles of all systems for a sample of queries as a blind sheet: query by query, shuffled, without
ranks or systems.
`read_sheet` takes the filled sheet back; gold is then what the court cites and what people accepted.
"""

import csv
import hashlib
import io
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from haechi.retrieval.run import Run
from haechi.runtime.errors import BadRecord, HaechiError

COLUMNS = ("item", "query", "passage", "relevant")
YES, NO = {"1", "y", "yes", "o", "예"}, {"0", "n", "no", "x", "아니오"}


@dataclass(frozen=True)
class Judged:
    """What people said."""

    relevant: Mapping[str, frozenset[str]]
    """Query id -> articles accepted."""
    pairs: frozenset[tuple[str, str]]
    """(query, article) that have an answer."""


def pooled(runs: Mapping[str, Run], query_ids: Sequence[str], wanted: int, depth: int, seed: int) -> list[tuple[str, str]]:
    """(query, article) of a sample of queries, one query after the other: all that any system has among its first `depth`.

    The order of the queries is drawn, and that of the articles of each: it tells neither system nor rank.
    """
    rng = np.random.default_rng(seed)
    ids = sorted(query_ids)
    pairs = []
    for query_id in (ids[i] for i in rng.permutation(len(ids))[:wanted]):
        keys = sorted({s.id for run in runs.values() for s in run[query_id][:depth]})
        pairs += [(query_id, keys[i]) for i in rng.permutation(len(keys))]
    return pairs


def item_id(query_id: str, key: str) -> str:
    """Names a line without telling what it is."""
    return hashlib.sha256(f"{query_id}\0{key}".encode()).hexdigest()[:12]


def sheet(pairs: Sequence[tuple[str, str]], queries: Mapping[str, str], texts: Mapping[str, str]) -> str:
    """A CSV for a spreadsheet, the last column empty; a text that begins like a formula is quoted so that none is run."""
    out = io.StringIO()
    lines = csv.writer(out, lineterminator="\n")
    lines.writerow(COLUMNS)
    for query_id, key in pairs:
        lines.writerow((item_id(query_id, key), plain(queries[query_id]), plain(texts.get(key, key)), ""))
    return out.getvalue()


def csv_rows(path: Path) -> tuple[Sequence[str], list[tuple[int, dict[str, str | None]]]]:
    """Columns, and rows with their line numbers; a Korean spreadsheet saves CSV in CP949 unless told otherwise."""
    try:
        data = path.read_bytes()
        text = data.decode("utf-8-sig")
    except FileNotFoundError as error:
        raise HaechiError(f"{path}: no such file") from error
    except UnicodeDecodeError:
        text = data.decode("cp949", errors="replace")
    reader = csv.DictReader(io.StringIO(text, newline=""))
    return reader.fieldnames or (), [(reader.line_num, row) for row in reader]


def read_sheet(path: Path, runs: Mapping[str, Run], depth: int) -> Judged:
    """The filled sheet; empty answers are left open, anything else must be yes or no."""
    pair_of = {
        item_id(query_id, s.id): (query_id, s.id) for run in runs.values() for query_id in run for s in run[query_id][:depth]
    }
    accepted: dict[str, set[str]] = defaultdict(set)
    answered: set[tuple[str, str]] = set()
    fields, rows = csv_rows(path)
    if not {"item", "relevant"} <= set(fields):
        raise HaechiError(f"{path}: expected the columns {', '.join(COLUMNS)}, found {', '.join(fields)}")
    for number, row in rows:
        said = (row["relevant"] or "").strip().lower()
        if not said:
            continue
        if row["item"] not in pair_of:
            raise BadRecord(path, number, "an item of today's runs", row["item"] or "")
        if said not in YES | NO:
            raise BadRecord(path, number, "1 or 0", said)
        query_id, key = pair_of[row["item"]]
        answered.add((query_id, key))
        if said in YES:
            accepted[query_id].add(key)
    return Judged({query_id: frozenset(keys) for query_id, keys in accepted.items()}, frozenset(answered))


def judged_rate(run: Run, judged: Judged, gold: Mapping[str, Sequence[str]], depth: int) -> float:
    """Share of the first `depth` articles, over the judged queries, of which it is known whether they answer."""
    queries = {query_id for query_id, _ in judged.pairs}
    seen = [(q, s.id) in judged.pairs or s.id in gold[q] for q in sorted(queries) for s in run[q][:depth]]
    return sum(seen) / len(seen) if seen else 0.0


def plain(text: str) -> str:
    """A cell that no spreadsheet takes for a formula."""
    return f"'{text}" if text.startswith(("=", "+", "-", "@", "\t")) else text
