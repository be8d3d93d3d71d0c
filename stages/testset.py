"""Freeze the test set: newest decisions, reserved articles, held-out documents and user queries."""

import _here  # noqa: F401, I001  (first: it decides whose library runs)

import os
from pathlib import Path
from typing import Any

import click

from haechi.runtime import files, locks, options, progress
from haechi.runtime.command import run
from haechi.parsing.ingest import read_corpus
from haechi.parsing.params import PreprocessParams
from haechi.runtime.params import load_section
from haechi.llm.params import LlmParams
from haechi.questions.held_out import Amount, held_out_writer
from haechi.rowstore.store import open_store
from haechi.records.query import TestQuery
from haechi.testset.params import TestsetParams
from haechi.testset.freeze import freeze
from haechi.testset.manifest import MANIFEST, QRELS, QUERIES, TREC


@click.command(help=__doc__)
@options.folder("--raw")
@options.folder("--out")
@options.file("--metrics")
@options.params
def main(raw: Path, out: Path, metrics: Path, params: Path) -> None:
    settings = load_section(params, "testset", TestsetParams)
    gold = load_section(params, "preprocess", PreprocessParams).document_gold
    llm = load_section(params, "llm", LlmParams)
    with locks.writing(*(out / name for name in (QUERIES, QRELS, TREC, MANIFEST)), metrics):
        amount = Amount(settings.seed, settings.questions_per_document)
        corpus = read_corpus(raw)
        with open_store() as store:
            write = held_out_writer(amount, llm, store, os.environ) if settings.writer == "openai" else None
            counts = freeze(corpus, settings, out, gold, write)
        files.write_json(metrics, counts)
        queries = dict(counts["queries"])
        unseen = queries.pop("unseen")
        named = sum(q.suite == "precedent" and q.names_positive for q in files.read_records(out / QUERIES, TestQuery))
        made = f"{sum(queries.values()):,} queries ({progress.listed(queries)})"
        if 0 < unseen < queries[counts["primary"]]:
            made += f", {unseen:,} on articles kept out of training"
        held = f"{_kept_out(counts)} are kept out of training."
        if named:
            held += f"\n{named:,} of the queries of decisions name their answer; they are scored, and count towards no headline."
        progress.show_summary("testset", str(raw), made, {}, f"{held} Its fingerprint is {counts['fingerprint']}.")


def _kept_out(counts: dict[str, Any]) -> str:
    """Documents (with decisions: sources, which are these too) and articles, if any."""
    sources = "sources" if counts["test_groups"] else "documents"
    amounts = {sources: counts["held_out"], "articles": counts["reserved_articles"]}
    return " and ".join(f"{number:,} {name}" for name, number in amounts.items() if number) or "No documents"


run(main)
