"""Tune the base model on the mined examples, validating on held-out pairs."""

import _here  # noqa: F401, I001  (first: it decides whose library runs)

import os
from dataclasses import asdict
from pathlib import Path
from tempfile import TemporaryDirectory

import click

from haechi import files, locks, options, progress
from haechi.command import run
from haechi.errors import UsageError
from haechi.evaluation.curves import draw_history
from haechi.models.load import load_encoder, name_of
from haechi.params.load import load_section
from haechi.params.lora import LoraParams
from haechi.params.loss import LossParams
from haechi.params.train import TrainParams
from haechi.records.mined import MinedExample
from haechi.records.pair import Pair
from haechi.records.passage import Passage
from haechi.state import State, Work, hashes, resumable
from haechi.training.engine import train
from haechi.training.fingerprint import running
from haechi.training.m3 import train_m3
from haechi.training.recipe import Recipe
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
@click.option("--no-update", is_flag=True, help="Try it: forward and backward, but no weight changes and nothing is written.")
def main(
    examples: Path,
    valid_pairs: Path,
    corpus: Path,
    base: Path,
    out: Path,
    plots: Path,
    metrics: Path,
    params: Path,
    no_update: bool,
) -> None:
    recipe = Recipe(
        load_section(params, "train", TrainParams),
        load_section(params, "loss", LossParams),
        load_section(params, "lora", LoraParams),
    )
    if no_update and recipe.params.engine == "flagembedding":
        raise UsageError("--no-update: the flagembedding engine can't do without updates; take a small train.max_samples")
    validation = Validation(list(files.read_records(valid_pairs, Pair)), list(files.read_records(corpus, Passage)))
    mined = list(files.read_records(examples, MinedExample))

    def trained(folder: Path, state: State | None) -> dict[str, object]:
        model, name = load_encoder(base), name_of(base)
        if recipe.params.engine == "flagembedding":
            return train_m3(model, mined, validation, folder, recipe, name or str(base))
        return train(model, mined, validation, folder, recipe, state, base=name, update=not no_update)

    rank, alone = int(os.environ.get("RANK", "0")), os.environ.get("WORLD_SIZE", "1") == "1"
    if no_update or rank:
        with TemporaryDirectory() as nowhere:  # torchrun's first process writes for all
            counts = trained(Path(nowhere) / "run", None)
        if not rank:
            progress.show_counts("train (no update)", counts)
        return
    inputs = {"examples": examples, "valid_pairs": valid_pairs, "corpus": corpus, "base": base}
    if recipe.params.resume_from:
        inputs["resume_from"] = Path(recipe.params.resume_from)
    with locks.writing(out, plots, metrics), resumable(Work("train", asdict(recipe), hashes(inputs), running())) as state:
        counts = trained(out, state if alone else None)
        with files.atomic_folder(plots) as drawn:
            draw_history(list(files.read_records(out / "history.jsonl", dict)), drawn)
        files.write_json(metrics, counts)
        progress.show_counts("train", counts)


run(main)
