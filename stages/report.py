"""Draw the plots, write the report and print the result: untuned, BM25 and tuned side by side, and what to do next."""

import _here  # noqa: F401, I001  (first: it decides whose library runs)

from pathlib import Path

import click

from haechi import files, locks, options, progress
from haechi.command import run
from haechi.evaluation.tables import COLUMNS, result_rows
from haechi.evaluation.verdict import next_steps, verdict
from haechi.pages.inputs import Places
from haechi.pages.make import make


@click.command(help=__doc__)
@options.folder("--metrics")
@options.folder("--plots")
@options.folder("--run", "run_folder")
@options.folder("--testset")
@options.file("--corpus")
@options.file("--examples")
@options.params
@options.folder("--pictures")
@options.file("--out")
def main(
    metrics: Path,
    plots: Path,
    run_folder: Path,
    testset: Path,
    corpus: Path,
    examples: Path,
    params: Path,
    pictures: Path,
    out: Path,
) -> None:
    places = Places(metrics, plots, params, run_folder, testset, corpus)
    with locks.writing(out, pictures):
        made = make(places, examples, pictures)
        files.write_text(out, made.page)
    for missing in made.found.missing:
        progress.say(f"report: {missing.file} is missing, so its part says so; make it with `{missing.remedy}`")
    found = made.found.stage("evaluate")
    if found:
        title = f"{found['n_queries']} test queries (issues of held-out decisions), test set {found['testset']}"
        progress.show_table(title, COLUMNS, result_rows(found))
        progress.say(verdict(found))
        progress.say(next_steps(found))


run(main)
