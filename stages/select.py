"""Choose the model among the base, the kept checkpoints and their merges, on validation."""

import _here  # noqa: F401, I001  (first: it decides whose library runs)

from pathlib import Path

import click

from haechi.runtime import files, locks, options
from haechi.runtime.command import run
from haechi.runtime.params import load_section
from haechi.selection.params import SelectParams
from haechi.scoring.per_query import write_rows
from haechi.records.pair import Pair
from haechi.records.passage import Passage
from haechi.selection.summary import show
from haechi.selection.stage import facts_of, key_figures, select
from haechi.scoring.validation import Validation


@click.command(help=__doc__)
@options.folder("--run", "run_folder")
@options.folder("--base")
@options.file("--valid-pairs")
@options.file("--corpus")
@options.folder("--out")
@options.file("--per-query")
@options.file("--metrics")
@options.file("--details")
@options.params
def main(
    run_folder: Path,
    base: Path,
    valid_pairs: Path,
    corpus: Path,
    out: Path,
    per_query: Path,
    metrics: Path,
    details: Path,
    params: Path,
) -> None:
    settings = load_section(params, "select", SelectParams)
    with locks.writing(out, per_query, metrics, details):
        pairs, passages = list(files.read_records(valid_pairs, Pair)), list(files.read_records(corpus, Passage))
        validation = Validation(pairs, passages, unseen_weight=settings.unseen_weight)
        found = select(run_folder, base, validation, out, settings)
        write_rows(per_query, found.rows)
        facts = facts_of(found)
        files.write_json(details, facts)
        files.write_json(metrics, key_figures(facts))
        show(found)


run(main)
