"""Write questions that passages answer, filter them, and keep those that find their passage again."""

import _here  # noqa: F401, I001  (first: it decides whose library runs)

from pathlib import Path

import click

from haechi import files, locks, options, progress
from haechi.command import run
from haechi.law.text import fold
from haechi.params.generate_qa import GenerateQaParams
from haechi.params.load import load_section
from haechi.params.retrieval import RetrievalParams
from haechi.questions.generate import generate
from haechi.records.passage import Passage
from haechi.testset.held_out import held_out
from haechi.testset.manifest import load_testset


@click.command(help=__doc__)
@options.file("--corpus")
@options.folder("--testset")
@options.file("--out")
@options.file("--metrics")
@options.params
def main(corpus: Path, testset: Path, out: Path, metrics: Path, params: Path) -> None:
    settings = load_section(params, "generate_qa", GenerateQaParams)
    retrieval = load_section(params, "retrieval", RetrievalParams)
    away = held_out(load_testset(testset))
    with locks.writing(out, metrics):
        passages = list(files.read_records(corpus, Passage))
        texts = frozenset(fold(text) for text in away.query_texts)
        made = generate(passages, away.articles | away.sources, texts, settings, retrieval)
        files.write_jsonl(out, made.questions)
        files.write_json(metrics, made.counts)
        progress.show_counts("generate_qa", made.counts)


run(main)
