"""Write the report and print the result: untuned, BM25 and tuned side by side, and what to do next."""

import _here  # noqa: F401, I001  (first: it decides whose library runs)

from pathlib import Path

import click

from haechi import files, locks, options, progress
from haechi.command import run
from haechi.evaluation.report import render
from haechi.evaluation.tables import COLUMNS, result_rows
from haechi.evaluation.verdict import next_steps, verdict


STAGES = ("preprocess", "testset", "make_pairs", "merge_corpus", "base", "generate_qa", "mine", "train", "select", "evaluate")
IMAGES = ("evaluate/systems.png", "evaluate/recall.png", "train/training.png", "generate_qa/questions.png")


@click.command(help=__doc__)
@options.folder("--metrics")
@options.folder("--plots")
@options.file("--params")
@options.file("--out")
def main(metrics: Path, plots: Path, params: Path, out: Path) -> None:
    settings = files.read_text(params)
    with locks.writing(out):
        stages = {name: files.read_json(metrics / f"{name}.json") for name in STAGES}
        found = stages["evaluate"]
        images = {image: (plots / image).read_bytes() for image in IMAGES}
        files.write_text(out, render(stages, images, settings))
        title = f"{found['n_queries']} test queries (issues of held-out decisions), test set {found['testset']}"
        progress.show_table(title, COLUMNS, result_rows(found))
        progress.say(verdict(found))
        progress.say(next_steps(found))


run(main)
