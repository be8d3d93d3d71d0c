"""`haechi pool`: a blind sheet for people, and what their answers say of every system."""

from pathlib import Path

import click

from haechi.cli.project import Commands
from haechi.comparison.judging_pool import csv_rows, judged_rate, pooled, read_sheet
from haechi.comparison.judging_pool import sheet as sheet_of
from haechi.comparison.question_sheet import drawn, labelled_queries, question_sheet
from haechi.evaluation.systems import read_run
from haechi.pairs.user_queries import named_documents
from haechi.records.passage import Passage
from haechi.records.query import Qrel, Suite, TestQuery
from haechi.records.question import Question
from haechi.records.result import QueryResult
from haechi.retrieval.run import Run
from haechi.runtime.errors import HaechiError
from haechi.runtime.files import read_records, write_jsonl, write_text
from haechi.runtime.options import FILE
from haechi.runtime.progress import say, show_table
from haechi.scoring.metrics import evaluate_run, mean
from haechi.scoring.names import label, shown
from haechi.scoring.per_query import read_rows
from haechi.testset.manifest import load_testset

DEPTH = 10
QUESTIONS, OWN = "data/qa/questions.jsonl", "data/raw/queries"
RUNS, CORPUS, PER_QUERY, TESTSET = "data/runs", "data/processed/merged_corpus.jsonl", "metrics/per_query.json", "data/testset"


@click.group(cls=Commands)
def pool() -> None:
    """Sheets for people: judge what the systems found, or put questions of one's own.

    The citations of courts are incomplete: what no court cited may still answer. And questions that haechi wrote are no measure
    of what people ask.
    """


@pool.command(epilog="Example: haechi pool export sheet.csv --queries 20")
@click.option("--queries", "wanted", default=50, show_default=True, type=click.IntRange(min=1), help="How many queries.")
@click.option("--questions-only", is_flag=True, help="Passages with questions that haechi wrote, for you to put right.")
@click.option("--seed", default=7, show_default=True, type=click.IntRange(min=0), help="Which queries, in which order.")
@click.argument("sheet", type=FILE)
def export(sheet: Path, wanted: int, questions_only: bool, seed: int) -> None:
    """Write a blind CSV: the first ten articles of all systems, query by query, shuffled; or a CSV for questions of your own."""
    root = Path()
    if questions_only:
        _export_questions(root, sheet, wanted, seed)
        return
    frozen = load_testset(root / TESTSET)
    runs, queries = _runs(root), {q.query_id: q for q in frozen.queries}
    pairs = pooled(runs, [q for q in queries if _headline(queries[q], frozen.primary)], wanted, DEPTH, seed)
    texts: dict[str, str] = {}
    keys = {key for _, key in pairs}
    for passage in read_records(root / CORPUS, Passage):
        if passage.article_key in keys:
            texts[passage.article_key] = "\n".join(filter(None, (texts.get(passage.article_key), passage.text)))
    text = "\ufeff" + sheet_of(pairs, {id: q.query_text for id, q in queries.items()}, texts)
    asked = len({query_id for query_id, _ in pairs})
    size = f"{asked} queries, {len(pairs)} passages to judge, {len(text.encode()) / 1e6:.1f} MB"
    say(f"{sheet} will hold {size}; fewer queries with --queries")
    write_text(sheet, text)
    say(f"{sheet}: written; write 1 or 0 under `relevant`, then `haechi pool import {sheet}`")


@pool.command("import", epilog="Example: haechi pool import sheet.csv")
@click.argument("sheet", type=FILE)
@click.option("--out", type=FILE, default=Path("data/pool.jsonl"), show_default=True, help="Every judgement.")
def import_(sheet: Path, out: Path) -> None:
    """Read the filled sheet: score every system with what people accepted as extra gold, or take in questions of your own."""
    root = Path()
    if "question" in csv_rows(sheet)[0]:
        _import_questions(root, sheet)
        return
    runs = _runs(root)
    found = read_sheet(sheet, runs, DEPTH)
    if not found.pairs:
        raise HaechiError(f"{sheet}: nothing is judged; write 1 or 0 under `relevant`")
    rows = {row.query_id: row.gold for row in read_rows(root / PER_QUERY, QueryResult)}
    queries = sorted({query_id for query_id, _ in found.pairs})
    cited = {query_id: rows[query_id] for query_id in queries}
    more = {q: tuple(dict.fromkeys((*gold, *sorted(found.relevant.get(q, ()))))) for q, gold in cited.items()}
    write_jsonl(out, [Qrel(q, key, int(key in found.relevant.get(q, ()))) for q, key in sorted(found.pairs)])
    table = []
    for system in shown(runs):
        before, after = (mean(evaluate_run(runs[system], gold, (DEPTH,)))["ndcg@10"] for gold in (cited, more))
        rate = judged_rate(runs[system], found, cited, DEPTH)
        table.append((label(system), f"{before:.3f}", f"{after:.3f}", f"{rate:.2f}"))
    extra = sum(len(more[q]) - len(cited[q]) for q in queries)
    show_table(f"{len(queries)} judged queries", ("system", "ndcg@10, cited", "ndcg@10, with accepted", "judged@10"), table)
    say(f"{extra} articles that no court cited were accepted; {out} has every judgement")


def _export_questions(root: Path, sheet: Path, wanted: int, seed: int) -> None:
    questions = drawn(read_records(root / QUESTIONS, Question), wanted, seed)
    passages = {passage.id: passage for passage in read_records(root / CORPUS, Passage)}
    write_text(sheet, "\ufeff" + question_sheet(questions, passages))
    say(
        f"{sheet}: {len(questions)} passages; write under `question` what your users would ask of each (or leave it empty), "
        f"under `also` the keys of other documents that answer it, then `haechi pool import {sheet}`"
    )


def _import_questions(root: Path, sheet: Path) -> None:
    passages = list(read_records(root / CORPUS, Passage))
    keys = {passage.article_key for passage in passages} | named_documents(passages).keys()
    queries = labelled_queries(sheet, keys)
    out = root / OWN / f"{sheet.stem}.jsonl"
    write_jsonl(out, queries)
    say(
        f"{out}: {len(queries)} labelled queries, half for the test and half for training; "
        "next: `haechi testset refresh && dvc repro`"
    )


def _runs(root: Path) -> dict[str, Run]:
    files = [file for file in sorted((root / RUNS).glob("*.trec")) if file.stem != "qrels"]
    if not files:
        raise HaechiError(f"{root / RUNS}: no run files; make them with `dvc repro evaluate`")
    return {file.stem: Run(read_run(file)) for file in files if file.stat().st_size}


def _headline(query: TestQuery, primary: Suite) -> bool:
    return query.suite == primary and not query.names_positive
