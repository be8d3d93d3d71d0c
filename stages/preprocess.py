"""Cut raw laws, rules, decisions and documents into passages."""

import _here  # noqa: F401, I001  (first: it decides whose library runs)

from pathlib import Path

import click

from haechi.runtime import files, locks, options, progress
from haechi.runtime.command import run
from haechi.parsing.ingest import complaints, not_utf8, preprocess, read_corpus, saved_twice
from haechi.runtime.params import load_section
from haechi.parsing.params import PreprocessParams
from haechi.records.passage import rows


@click.command(help=__doc__)
@options.folder("--raw")
@options.folder("--out")
@options.file("--metrics")
@options.file("--details")
@options.params
def main(raw: Path, out: Path, metrics: Path, details: Path, params: Path) -> None:
    settings = load_section(params, "preprocess", PreprocessParams)
    targets = {name: out / f"{name}_passages.jsonl" for name in ("law", "admin", "prec", "doc")}
    quarantine = out / "quarantine.jsonl"
    with locks.writing(*targets.values(), quarantine, metrics, details):
        corpus = read_corpus(raw)
        progress.say_few([f"preprocess: {line}" for line in complaints(corpus)], f" in {quarantine}")
        for line in filter(None, (saved_twice(corpus), not_utf8(corpus))):
            progress.say(f"preprocess: {line}")
        files.write_output(quarantine, corpus.dropped)  # now: who is refused for too many bad files needs it
        made = preprocess(corpus, settings)
        for name, target in targets.items():
            files.write_output(target, rows(getattr(made, name)))
        files.write_output(quarantine, made.dropped)
        counts = made.counts
        files.write_json(details, counts)
        files.write_json(metrics, {"records": counts.read, "dropped": sum(counts.dropped.values())})
        passages = f"{sum(counts.passages.values()):,} passages ({progress.listed(counts.passages)})"
        progress.show_summary(
            "preprocess",
            f"{counts.read:,} records in {counts.files:,} files",
            f"{passages}, {counts.kept['query']:,} labelled queries",
            counts.dropped,
            f"Each that was dropped is named in {quarantine}." if counts.dropped else "",
        )


run(main)
