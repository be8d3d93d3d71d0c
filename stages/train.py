"""Tune the base model on the mined examples, validating on held-out pairs."""

import _here  # noqa: F401, I001  (first: it decides whose library runs)

import os
from dataclasses import asdict
from pathlib import Path
from tempfile import TemporaryDirectory

import click

from haechi.runtime import files, locks, options, progress
from haechi.runtime.command import run
from haechi.runtime.errors import UsageError
from haechi.guards import status
from haechi.guards.history import read_history
from haechi.guards.summary import key_figures, summary
from haechi.models.continued import earlier_training
from haechi.models.load import name_of
from haechi.guards.params import GuardsParams
from haechi.runtime.params import load_section, load_value
from haechi.training.lora_params import LoraParams
from haechi.training.loss_params import LossParams
from haechi.selection.params import SelectParams
from haechi.training.params import TrainParams
from haechi.records.mined import MinedExample
from haechi.records.pair import Pair
from haechi.records.passage import Passage
from haechi.training import trackers
from haechi.training.recipe import Recipe, running
from haechi.training.resume import State, Work, hashes, resumable
from haechi.scoring.validation import Validation


@click.command(help=__doc__)
@options.file("--examples")
@options.file("--held-out")
@options.file("--valid-pairs")
@options.file("--corpus")
@options.folder("--base")
@options.folder("--out")
@options.folder("--plots")
@options.file("--metrics")
@options.file("--details")
@options.params
@click.option(
    "--keep-at", "shares", type=float, multiple=True, help="Keep the model at this share of the steps; the last ends it."
)
@click.option("--no-update", is_flag=True, help="Try it: forward and backward, but no weight changes and nothing is written.")
def main(
    examples: Path,
    held_out: Path,
    valid_pairs: Path,
    corpus: Path,
    base: Path,
    out: Path,
    plots: Path,
    metrics: Path,
    details: Path,
    params: Path,
    shares: tuple[float, ...],
    no_update: bool,
) -> None:
    recipe = Recipe(
        load_section(params, "train", TrainParams),
        load_section(params, "loss", LossParams),
        load_section(params, "lora", LoraParams),
        load_section(params, "guards", GuardsParams),
    )
    unseen_weight = load_value(params, "select.unseen_weight", SelectParams)
    if no_update and recipe.params.engine == "flagembedding":
        raise UsageError("--no-update: the flagembedding engine can't do without updates; take a small train.max_samples")

    names = trackers.trackers_named()

    # late: importing torch takes seconds, and whoever mistypes a parameter needn't wait for it
    from haechi.training.checks import starts_again
    from haechi.training.engine import train
    from haechi.training.m3 import train_m3
    from haechi.training.memory import statistics_of
    from haechi.training.outcome import write_curves, write_modules
    from haechi.training.replay import replayable
    from haechi.training.session import Listeners, TrainingInputs
    from haechi.training.static_learner import load_learner

    def trained(folder: Path, state: State | None, listeners: Listeners) -> status.TrainingStatus:
        asked, passages = list(files.read_records(valid_pairs, Pair)), list(files.read_records(corpus, Passage))
        validation = Validation(asked, passages, unseen_weight=unseen_weight)
        old = replayable(earlier_training(base), passages, asked)
        mined, unseen = (list(files.read_records(file, MinedExample)) for file in (examples, held_out))
        inputs = TrainingInputs(load_learner(base), mined, validation, recipe, name_of(base) or str(base), unseen, old, shares)
        if recipe.params.engine == "flagembedding":
            return train_m3(inputs, folder, listeners=listeners)
        return train(inputs, folder, state=state, update=not no_update, listeners=listeners)

    rank, processes = int(os.environ.get("RANK", "0")), int(os.environ.get("WORLD_SIZE", "1"))  # set by torchrun
    lost = starts_again(recipe.params, processes)
    if no_update or rank:
        with TemporaryDirectory() as nowhere:  # torchrun's first process writes for all
            counts = trained(Path(nowhere) / "run", None, Listeners())
        if not rank:
            progress.show_counts("train (no update)", counts.as_json())
        return
    inputs = {"examples": examples, "held_out": held_out, "valid_pairs": valid_pairs, "corpus": corpus, "base": base}
    if recipe.params.resume_from:
        inputs["resume_from"] = Path(recipe.params.resume_from)
    decided = {**asdict(recipe), "unseen_weight": unseen_weight, "shares": shares}
    with (
        locks.writing(out, plots, metrics, details),
        resumable(Work("train", decided, hashes(inputs), running())) as state,
        status.reporting(details, state.again) as report,
        trackers.tracking(names, asdict(recipe)) as tracked,
    ):
        if lost:
            progress.say(f"train: {lost}{'; what an earlier one has left is not used' if state.last() else ''}")
        ended = trained(out, None if lost else state, Listeners(report, statistics_of(out), tracked))
        with files.atomic_folder(plots) as folder:
            write_curves(read_history(out / "history.jsonl"), folder)
            write_modules(list(files.read_records(out / "modules.jsonl", dict)), folder)
        status.write_status(details, ended)
        files.write_json(metrics, key_figures(ended))
        progress.show_summary("train", *summary(ended))


run(main)
