"""Write questions that passages answer, filter them, and keep those that find their passage again."""

import _here  # noqa: F401, I001  (first: it decides whose library runs)

import os
from functools import partial
from pathlib import Path

import click

from haechi.runtime import files, locks, options, progress
from haechi.runtime.command import run
from haechi.questions.length_histogram import write_lengths
from haechi.models.continued import earlier_training
from haechi.models.load import open_encoder
from haechi.questions.params import GenerateQaParams
from haechi.llm.params import LlmParams
from haechi.runtime.params import load_section
from haechi.retrieval.params import RetrievalParams
from haechi.questions.generate import Away, Models, Sources, askable, generate, offline_writer
from haechi.llm.judge import judged
from haechi.questions.llm import LlmSetup, estimate, llm_writer
from haechi.questions.llm import sample_rows
from haechi.records.held_out import KeptApart
from haechi.records.pair import Pair
from haechi.records.passage import Passage
from haechi.rowstore.store import open_store
from haechi.testset.manifest import held_out
from haechi.testset.manifest import load_testset


@click.command(help=__doc__)
@options.file("--corpus")
@options.file("--train-pairs")
@options.file("--kept")
@options.folder("--base")
@options.folder("--testset")
@options.file("--out")
@options.file("--dropped")
@options.file("--on-new")
@options.folder("--plots")
@options.file("--metrics")
@options.file("--details")
@options.params
@click.option("--dry-run", is_flag=True, help="Only say what a language model would be asked, and about what that would cost.")
def main(
    corpus: Path,
    train_pairs: Path,
    kept: Path,
    base: Path,
    testset: Path,
    out: Path,
    dropped: Path,
    on_new: Path,
    plots: Path,
    metrics: Path,
    details: Path,
    params: Path,
    dry_run: bool,
) -> None:
    settings = load_section(params, "generate_qa", GenerateQaParams)
    llm = load_section(params, "llm", LlmParams)
    retrieval = load_section(params, "retrieval", RetrievalParams)
    earlier = earlier_training(base, load_testset(testset).fingerprint)
    if dry_run:
        passages, _, examples = _inputs(corpus, train_pairs)
        with open_store() as store:
            told = estimate(
                askable(passages, _away(testset, kept), earlier), LlmSetup(settings, llm, store, examples, os.environ)
            )
        progress.show_table("generate_qa --dry-run", ("what", "figure"), told.rows())
        return
    with locks.writing(out, dropped, on_new, plots, metrics, details):
        passages, pairs, examples = _inputs(corpus, train_pairs)
        asking = settings.generator == "openai"
        with open_store() as store:
            models = Models(
                llm_writer(LlmSetup(settings, llm, store, examples, os.environ)) if asking else offline_writer(settings),
                open_encoder(base) if settings.round_trip == "dense" and settings.round_trip_k else None,
                partial(judged, llm=llm, store=store, environ=os.environ) if llm.judge_threshold else None,
                llm.judge_threshold,
            )
            made = generate(Sources(passages, _away(testset, kept), pairs, earlier), models, settings, retrieval, store)
        files.write_output(out, made.questions)
        files.write_output(dropped, made.dropped)
        files.write_output(on_new, made.on_new)
        files.write_json(details, made.counts)
        files.write_json(metrics, {"questions": len(made.questions)})
        with files.atomic_folder(plots) as folder:
            write_lengths(made.portrait, folder / "lengths.csv")
        passages, questions = made.counts["passages"], made.counts["questions"]
        unknown = passages["languages"].get("unknown", 0)
        progress.show_summary(
            "generate_qa",
            f"{passages['in']:,} passages, {passages['held_out']:,} of them kept out for test and validation"
            + (f", {unknown:,} neither Korean nor English" if unknown else "")
            + (f", {passages['old']:,} known to the model from before" if "old" in passages else ""),
            f"{questions['kept']:,} of {questions['written']:,} written questions ({progress.listed(made.counts['styles'])})",
            questions["dropped"],
            "\n".join(f"{style}: {question}" for style, question in sample_rows(made.questions, 1)),
        )


def _away(testset: Path, kept: Path) -> Away:
    held, apart = held_out(load_testset(testset)), files.read_record(kept, KeptApart, "what make_pairs keeps for validation")
    return Away(held.articles | held.sources | frozenset(apart.articles), (*held.query_texts, *apart.asked))


def _inputs(corpus: Path, train_pairs: Path) -> tuple[list[Passage], list[Pair], list[str]]:
    """Passages, pairs, and the user's own queries of the training part as examples for a language model."""
    pairs = list(files.read_records(train_pairs, Pair))
    return list(files.read_records(corpus, Passage)), pairs, [pair.query_text for pair in pairs if pair.meta.type == "user"]


run(main)
