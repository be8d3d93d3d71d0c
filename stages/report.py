"""Draw the plots, write the report and print the result: untuned, BM25 and tuned side by side, and what to do next."""

import _here  # noqa: F401, I001  (first: it decides whose library runs)

from pathlib import Path

import click

from haechi.runtime import files, locks, options, progress
from haechi.runtime.command import run
from haechi.scoring.names import HEADLINE
from haechi.scoring.verdict import result_table, validation_table
from haechi.report.inputs import Places
from haechi.report.make import complete, make
from haechi.report.tested_on import tested_on


@click.command(help=__doc__)
@options.folder("--details")
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
    details: Path,
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
    files.read_text(params)  # without parameters no stage starts
    places = Places(details, metrics, plots, params, run_folder, testset, corpus)
    with locks.writing(out, pictures):
        results = complete(places, examples)
        report = make(results, examples, pictures)
        files.write_text(out, report.page)
        scores = results.evaluation
        title = f"{scores.n_queries} test queries ({tested_on(results).queries}), test set {scores.testset}"
        progress.show_table(title, *result_table(scores))
        columns, rows = validation_table(scores)
        if rows:
            progress.show_table(f"{HEADLINE} on what the model was chosen by", columns, rows)
        if report.answer:
            progress.say(report.answer.closing())


run(main)
