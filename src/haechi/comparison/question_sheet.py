"""Questions of one's own: passages with made questions in a sheet for a person to put right, and that sheet as labels."""

import csv
import hashlib
import io
from collections.abc import Iterable, Mapping, Sequence, Set
from pathlib import Path

from haechi.comparison.judging_pool import csv_rows, plain
from haechi.records.passage import Passage
from haechi.records.question import Question
from haechi.runtime.errors import BadRecord, HaechiError

COLUMNS = ("document", "passage", "made", "question", "also")
"""`made` is ours; the person fills `question`, and in `also` the keys of other documents that answer it."""


def drawn(questions: Iterable[Question], wanted: int, seed: int) -> list[Question]:
    """One question each of so many texts, in an order drawn by hashes."""
    order = sorted(questions, key=lambda q: hashlib.sha256(f"{seed}:{q.question_id}".encode()).digest())
    first: dict[str, Question] = {}
    for question in order:
        first.setdefault(question.article_key, question)
    return list(first.values())[:wanted]


def question_sheet(questions: Sequence[Question], passages: Mapping[str, Passage]) -> str:
    """A CSV for a spreadsheet, its last two columns empty."""
    out = io.StringIO()
    lines = csv.writer(out, lineterminator="\n")
    lines.writerow(COLUMNS)
    for q in questions:
        lines.writerow((q.article_key, plain(passages[q.passage_id].text), plain(q.question), "", ""))
    return out.getvalue()


def labelled_queries(path: Path, keys: Set[str]) -> list[dict[str, object]]:
    """`{query, positives}` for each row with a question; rows without one are passed over."""
    fields, rows = csv_rows(path)
    if not {"document", "question"} <= set(fields):
        raise HaechiError(f"{path}: expected the columns {', '.join(COLUMNS)}, found {', '.join(fields)[:120]}")
    queries: list[dict[str, object]] = []
    for number, row in rows:
        if not (query := " ".join((row["question"] or "").split())):
            continue
        positives = [row["document"] or "", *(row.get("also") or "").replace(";", ",").split(",")]
        positives = [key.strip() for key in positives if key.strip()]
        for key in positives:
            if key not in keys:
                raise BadRecord(path, number, "the key of a document or article of the corpus", key)
        queries.append({"query": query, "positives": positives})
    if not queries:
        raise HaechiError(f"{path}: no question is filled in; write yours in the column `question`")
    return queries
