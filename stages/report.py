"""Write the report and print the result: untuned, BM25 and tuned side by side, and what to do next."""

import _here  # noqa: F401, I001  (first: it decides whose library runs)

from pathlib import Path

import click

from haechi import files, options, progress
from haechi.command import run
from haechi.evaluation.report import render
from haechi.evaluation.tables import COLUMNS, result_rows
from haechi.evaluation.verdict import next_steps, verdict


@click.command(help=__doc__)
@options.folder("--metrics")
@options.folder("--plots")
@options.file("--params")
@options.file("--out")
def main(metrics: Path, plots: Path, params: Path, out: Path) -> None:
    settings = files.read_text(params)
    files.ensure_writable(out)
    stages = {file.stem: files.read_json(file) for file in sorted(metrics.glob("*.json"))}
    found = files.read_json(metrics / "evaluate.json")
    images = {image.stem: image.read_bytes() for image in sorted(plots.rglob("*.png"))}
    files.write_text(out, render(stages, images, settings))
    title = f"{found['n_queries']} test queries (issues of the newest decisions), test set {found['testset']}"
    progress.show_table(title, COLUMNS, result_rows(found))
    progress.say(verdict(found))
    progress.say(next_steps(found))


run(main)
