"""Find negatives that are hard and wrong for every pair and question, by BM25 and an encoder."""

import _here  # noqa: F401, I001  (first: it decides whose library runs)

import os
from pathlib import Path

import click

from haechi.runtime import files, locks, options, progress
from haechi.runtime.command import run
from haechi.mining.audit import write_scores
from haechi.mining.audit import write_audit
from haechi.mining.promote import llm_judge
from haechi.mining.sample import sample
from haechi.mining.stage import Models, ToMine, mine_all, not_mined_before, queries_of, summary
from haechi.models.continued import earlier_training
from haechi.models.load import open_encoder, load_reranker
from haechi.models.released import refuse_released
from haechi.llm.params import LlmParams
from haechi.runtime.params import load_section
from haechi.mining.params import MineParams
from haechi.retrieval.params import RetrievalParams
from haechi.records.held_out import KeptApart
from haechi.records.pair import Pair
from haechi.records.passage import Passage
from haechi.records.question import Question
from haechi.rowstore.store import open_store
from haechi.testset.manifest import held_out
from haechi.testset.manifest import load_testset


@click.command(help=__doc__)
@options.file("--train-pairs")
@options.file("--valid-pairs")
@options.file("--kept")
@options.file("--questions")
@options.file("--corpus")
@options.folder("--base")
@options.folder("--testset")
@options.file("--train")
@options.file("--valid")
@options.folder("--audit")
@options.file("--sample", "sample_file")
@options.folder("--plots")
@options.file("--metrics")
@options.file("--details")
@options.params
def main(
    train_pairs: Path,
    valid_pairs: Path,
    kept: Path,
    questions: Path,
    corpus: Path,
    base: Path,
    testset: Path,
    train: Path,
    valid: Path,
    audit: Path,
    sample_file: Path,
    plots: Path,
    metrics: Path,
    details: Path,
    params: Path,
) -> None:
    settings = load_section(params, "mine", MineParams)
    retrieval = load_section(params, "retrieval", RetrievalParams)
    llm = load_section(params, "llm", LlmParams)
    frozen = load_testset(testset)
    refuse_released([settings.encoder], frozen.fingerprint, [query.query_text for query in frozen.queries])
    away, earlier = held_out(frozen), earlier_training(base, frozen.fingerprint)
    asked = files.read_records(questions, Question) if settings.questions else ()
    with locks.writing(train, valid, audit, sample_file, plots, metrics, details), open_store() as store:
        apart = files.read_record(kept, KeptApart, "what make_pairs keeps for validation")
        passages = list(files.read_records(corpus, Passage))
        queries = queries_of(files.read_records(train_pairs, Pair), asked)
        given = ToMine(
            not_mined_before(queries, earlier.still_true(passages)),
            queries_of(files.read_records(valid_pairs, Pair)),
            passages,
            away.articles | away.sources | frozenset(apart.articles),
        )
        models = Models(
            open_encoder(Path(settings.encoder), settings.precision),
            load_reranker(settings.reranker, settings.reranker_length) if settings.reranker else None,
            llm_judge(llm, settings.promote_threshold, store, os.environ) if settings.promote == "llm" else None,
        )
        made = mine_all(given, models, settings, retrieval, store)
        files.write_output(train, made.train.examples)
        files.write_output(valid, made.valid.examples)
        with files.atomic_folder(audit) as folder:
            write_audit(folder, {"train": made.train, "valid": made.valid}, made.corpus)
        files.write_text(sample_file, sample(made.train, made.corpus, settings.seed))
        with files.atomic_folder(plots) as folder:
            write_scores(made.train.examples, folder / "scores.csv")
        files.write_json(details, made.counts)
        files.write_json(metrics, {"examples": len(made.train.examples)})
        progress.show_summary("mine", *summary(made.counts))


run(main)
