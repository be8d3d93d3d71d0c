"""Cut raw laws, rules, decisions and documents into passages."""

import _here  # noqa: F401, I001  (first: it decides whose library runs)

from pathlib import Path

import click

from haechi import files, locks, options, progress
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
    targets = {name: out / f"{name}_passages.jsonl" for name in ("law", "admin", "prec", "doc")}
    quarantine = out / "quarantine.jsonl"
    with locks.writing(*targets.values(), quarantine, metrics):
        made = preprocess(read_corpus(raw), settings)
        for name, target in targets.items():
            files.write_jsonl(target, getattr(made, name))
        files.write_jsonl(quarantine, made.dropped)
        files.write_json(metrics, made.counts)
        progress.show_counts("preprocess", files.read_json(metrics))


run(main)
