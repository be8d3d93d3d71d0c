"""Choose the model among the kept checkpoints and the base, on validation."""

import _here  # noqa: F401, I001  (first: it decides whose library runs)

from pathlib import Path

import click

from haechi import files, locks, options, progress
from haechi.command import run
from haechi.params.load import load_section
from haechi.params.select import SelectParams
from haechi.records.pair import Pair
from haechi.records.passage import Passage
from haechi.selection.stage import select
from haechi.training.validation import Validation


@click.command(help=__doc__)
@options.folder("--run", "run_folder")
@options.folder("--base")
@options.file("--valid-pairs")
@options.file("--corpus")
@options.folder("--out")
@options.file("--metrics")
@options.params
def main(run_folder: Path, base: Path, valid_pairs: Path, corpus: Path, out: Path, metrics: Path, params: Path) -> None:
    settings = load_section(params, "select", SelectParams)
    with locks.writing(out, metrics):
        validation = Validation(list(files.read_records(valid_pairs, Pair)), list(files.read_records(corpus, Passage)))
        facts = select(run_folder, base, validation, out, settings)
        files.write_json(metrics, facts)
        progress.show_counts("select", facts)


run(main)
