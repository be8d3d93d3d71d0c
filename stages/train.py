"""Tune the base model on the mined examples, validating on held-out pairs."""

import _here  # noqa: F401, I001  (first: it decides whose library runs)

from pathlib import Path

import click

from haechi import files, locks, options, progress
from haechi.command import run
from haechi.evaluation.curves import draw_history
from haechi.models.load import load_encoder
from haechi.params.load import load_section
from haechi.params.lora import LoraParams
from haechi.params.loss import LossParams
from haechi.params.train import TrainParams
from haechi.records.mined import MinedExample
from haechi.records.pair import Pair
from haechi.records.passage import Passage
from haechi.training.engine import Recipe, train
from haechi.training.validation import Validation


@click.command(help=__doc__)
@options.file("--examples")
@options.file("--valid-pairs")
@options.file("--corpus")
@options.folder("--base")
@options.folder("--out")
@options.folder("--plots")
@options.file("--metrics")
@options.params
def main(
    examples: Path,
    valid_pairs: Path,
    corpus: Path,
    base: Path,
    out: Path,
    plots: Path,
    metrics: Path,
    params: Path,
) -> None:
    recipe = Recipe(
        load_section(params, "train", TrainParams), load_section(params, "loss", LossParams), load_section(params, "lora", LoraParams)
    )
    with locks.writing(out, plots, metrics):
        validation = Validation(list(files.read_records(valid_pairs, Pair)), list(files.read_records(corpus, Passage)))
        counts = train(load_encoder(base), list(files.read_records(examples, MinedExample)), validation, out, recipe)
        with files.atomic_folder(plots) as drawn:
            draw_history(list(files.read_records(out / "history.jsonl", dict)), drawn)
        files.write_json(metrics, counts)
        progress.show_counts("train", counts)


run(main)
