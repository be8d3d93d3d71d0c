"""Merge all passages into one corpus with unique ids and linked twins."""

import _here  # noqa: F401, I001  (first: it decides whose library runs)

from pathlib import Path

import click

from haechi.runtime import files, locks, options, progress
from haechi.runtime.command import run
from haechi.corpus.merge import counts, merge
from haechi.runtime.params import load_section
from haechi.corpus.params import MergeCorpusParams
from haechi.records.passage import Passage, rows


@click.command(help=__doc__)
@options.folder("--passages")
@options.file("--fallback")
@options.file("--out")
@options.file("--metrics")
@options.file("--details")
@options.params
def main(passages: Path, fallback: Path, out: Path, metrics: Path, details: Path, params: Path) -> None:
    settings = load_section(params, "merge_corpus", MergeCorpusParams)
    with locks.writing(out, metrics, details):
        sources = [passages / f"{name}_passages.jsonl" for name in ("law", "admin", "doc")]
        sources += [passages / "prec_passages.jsonl"] if settings.precedents else []
        sources += [fallback] if settings.fallback and not settings.precedents else []
        corpus = merge(passage for source in sources for passage in files.read_records(source, Passage))
        files.write_jsonl(out, rows(corpus))
        told = counts(corpus)
        files.write_json(details, told)
        files.write_json(metrics, {"passages": len(corpus)})
        made = f"{len(corpus):,} passages ({progress.listed(told['passages'])}), {told['with_twins']:,} of them with twins"
        progress.show_summary("merge_corpus", str(passages), made, {})


run(main)
