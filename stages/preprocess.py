"""Cut raw laws, rules, decisions and documents into passages."""

import _here  # noqa: F401, I001  (first: it decides whose library runs)

from pathlib import Path

import click

from haechi import files, options, progress
from haechi.command import run
from haechi.law.ingest import preprocess, read_corpus
from haechi.params.load import load_section
from haechi.params.preprocess import PreprocessParams


@click.command(help=__doc__)
@options.folder("--raw")
@options.folder("--out")
@options.file("--metrics")
@options.params
def main(raw: Path, out: Path, metrics: Path, params: Path) -> None:
    settings = load_section(params, "preprocess", PreprocessParams)
    files.ensure_writable(out / "law_passages.jsonl", metrics)
    made = preprocess(read_corpus(raw), settings)
    for name in ("law", "admin", "prec", "doc"):
        files.write_jsonl(out / f"{name}_passages.jsonl", getattr(made, name))
    files.write_jsonl(out / "quarantine.jsonl", made.dropped)
    files.write_json(metrics, made.counts)
    progress.show_counts("preprocess", files.read_json(metrics))


run(main)
