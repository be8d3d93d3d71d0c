"""Write questions that passages answer, filter them, and keep those that find their passage again."""

import _here  # noqa: F401, I001  (first: it decides whose library runs)

from pathlib import Path

import click

from haechi import files, locks, options, progress
from haechi.command import run
from haechi.evaluation.question_plots import draw_questions
from haechi.models.load import load_encoder
from haechi.params.generate_qa import GenerateQaParams
from haechi.params.load import load_section
from haechi.params.retrieval import RetrievalParams
from haechi.questions.generate import Away, generate, offline_writer
from haechi.questions.samples import sample_rows
from haechi.records.pair import Pair
from haechi.records.passage import Passage
from haechi.retrieval.tokens import Tokens
from haechi.rowstore.store import open_store
from haechi.testset.held_out import held_out
from haechi.testset.manifest import load_testset


@click.command(help=__doc__)
@options.file("--corpus")
@options.file("--train-pairs")
@options.folder("--base")
@options.folder("--testset")
@options.file("--out")
@options.file("--dropped")
@options.folder("--plots")
@options.file("--metrics")
@options.params
def main(
    corpus: Path, train_pairs: Path, base: Path, testset: Path, out: Path, dropped: Path, plots: Path, metrics: Path, params: Path
) -> None:
    settings = load_section(params, "generate_qa", GenerateQaParams)
    retrieval = load_section(params, "retrieval", RetrievalParams)
    held = held_out(load_testset(testset))
    with locks.writing(out, dropped, plots, metrics), open_store() as store:
        made = generate(
            list(files.read_records(corpus, Passage)),
            Away(held.articles | held.sources, held.query_texts),
            list(files.read_records(train_pairs, Pair)),
            settings,
            retrieval,
            offline_writer(settings),
            load_encoder(base) if settings.round_trip == "dense" and settings.round_trip_k else None,
            stored=Tokens(store),
        )
        files.write_jsonl(out, made.questions)
        files.write_jsonl(dropped, made.dropped)
        files.write_json(metrics, made.counts)
        draw_questions(made.portrait, plots)
        progress.show_table("samples", ("style", "question"), sample_rows(made.questions), figures=False)
        progress.show_counts("generate_qa", made.counts)


run(main)
