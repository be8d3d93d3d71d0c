"""Find negatives that are hard and wrong for every pair and question, by BM25 and the base model."""

import _here  # noqa: F401, I001  (first: it decides whose library runs)

from pathlib import Path

import click

from haechi import files, locks, options, progress
from haechi.command import run
from haechi.mining.stage import mine_all
from haechi.models.load import load_encoder
from haechi.params.load import load_section
from haechi.params.mine import MineParams
from haechi.params.retrieval import RetrievalParams
from haechi.records.pair import Pair
from haechi.records.passage import Passage
from haechi.records.question import Question
from haechi.testset.held_out import held_out
from haechi.testset.manifest import load_testset


@click.command(help=__doc__)
@options.file("--train-pairs")
@options.file("--valid-pairs")
@options.file("--questions")
@options.file("--corpus")
@options.folder("--base")
@options.folder("--testset")
@options.file("--train")
@options.file("--valid")
@options.file("--metrics")
@options.params
def main(
    train_pairs: Path,
    valid_pairs: Path,
    questions: Path,
    corpus: Path,
    base: Path,
    testset: Path,
    train: Path,
    valid: Path,
    metrics: Path,
    params: Path,
) -> None:
    settings = load_section(params, "mine", MineParams)
    retrieval = load_section(params, "retrieval", RetrievalParams)
    away = held_out(load_testset(testset))
    with locks.writing(train, valid, metrics):
        made = mine_all(
            list(files.read_records(train_pairs, Pair)),
            list(files.read_records(valid_pairs, Pair)),
            list(files.read_records(questions, Question)),
            list(files.read_records(corpus, Passage)),
            load_encoder(base),
            away.articles | away.sources,
            settings,
            retrieval,
        )
        files.write_jsonl(train, made.train)
        files.write_jsonl(valid, made.valid)
        files.write_json(metrics, made.counts)
        progress.show_counts("mine", made.counts)


run(main)
