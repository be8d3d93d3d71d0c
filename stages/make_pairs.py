"""Pair numbered issues with the articles cited under the same number, apart from the test set."""

import _here  # noqa: F401, I001  (first: it decides whose library runs)

from pathlib import Path

import click

from haechi.runtime import files, locks, options, progress
from haechi.runtime.command import run
from haechi.parsing.ingest import read_corpus
from haechi.pairs.stage import make_pairs, summary
from haechi.runtime.params import load_section
from haechi.pairs.params import MakePairsParams
from haechi.records.passage import Passage, rows
from haechi.testset.manifest import held_out
from haechi.testset.manifest import load_testset


@click.command(help=__doc__)
@options.folder("--raw")
@options.folder("--passages")
@options.folder("--testset")
@options.file("--train")
@options.file("--valid")
@options.file("--fallback")
@options.file("--kept")
@options.file("--metrics")
@options.file("--details")
@options.params
def main(
    raw: Path,
    passages: Path,
    testset: Path,
    train: Path,
    valid: Path,
    fallback: Path,
    kept: Path,
    metrics: Path,
    details: Path,
    params: Path,
) -> None:
    settings = load_section(params, "make_pairs", MakePairsParams)
    frozen = load_testset(testset)
    with locks.writing(train, valid, fallback, kept, metrics, details):
        corpus = [p for name in ("law", "admin", "doc") for p in files.read_records(passages / f"{name}_passages.jsonl", Passage)]
        decisions = list(files.read_records(passages / "prec_passages.jsonl", Passage))
        made = make_pairs(read_corpus(raw), corpus, decisions, held_out(frozen), settings)
        files.write_output(train, made.pairs.train)
        files.write_output(valid, made.pairs.valid)
        files.write_output(fallback, rows(made.fallback_passages))
        files.write_json(kept, made.pairs.kept)
        warnings = {"warnings": made.warnings} if made.warnings else {}
        files.write_json(details, {"testset": frozen.fingerprint, **made.counts, **warnings})
        pairs = {"train": len(made.pairs.train), "valid": len(made.pairs.valid)}
        files.write_json(metrics, {"testset": frozen.fingerprint, "pairs": pairs})
        progress.say_few([f"make_pairs: {warning}" for warning in made.warnings], ": haechi stage make_pairs")
        progress.show_summary("make_pairs", *summary(made.counts))


run(main)
