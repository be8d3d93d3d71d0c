"""Do mined negatives help? Trains the static base on one set of examples after another and scores validation pairs.

    python benchmarks/negatives.py FOLDER [--seeds 7,8] [--cells none,random,bm25,dense,hybrid,filtered]

FOLDER holds what the pipeline built: data/processed, data/qa, data/testset, models/base. Only validation is looked at.
Every cell has the same queries, positives and training; what differs is where its negatives come from:
`none` trains on in-batch negatives alone; `random`, `bm25`, `dense` and `hybrid` keep out positives, twins and reserved articles
and nothing else, the last three take the hardest; `filtered` is what the mine stage does by default, `top` its hardest.
Training mines anew as `params.yaml` says; `--set refresh_every=0` leaves every cell the negatives that it was given.
"""

import logging
import shutil
import sys
import tempfile
import time
from dataclasses import replace
from pathlib import Path

import click
import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "src"))

from haechi.corpus.duplicates import with_duplicates
from haechi.guards.decide import series
from haechi.guards.history import read_history
from haechi.guards.params import GuardsParams
from haechi.mining.mine import Advice, mine
from haechi.mining.params import MineParams
from haechi.mining.relevance import Corpus
from haechi.mining.stage import decisions_of, positives, queries_of, search_all
from haechi.models.load import load_encoder
from haechi.records.pair import Pair
from haechi.records.passage import Passage
from haechi.records.question import Question
from haechi.retrieval.params import RetrievalParams
from haechi.rowstore.store import open_store
from haechi.runtime.files import read_json, read_records
from haechi.runtime.params import load_section
from haechi.scoring.validation import Validation
from haechi.training.engine import train
from haechi.training.lora_params import LoraParams
from haechi.training.loss_params import LossParams
from haechi.training.params import TrainParams
from haechi.training.recipe import Recipe
from haechi.training.session import TrainingInputs
from haechi.training.static_learner import load_learner

PARAMS = Path(__file__).resolve().parents[1] / "params.yaml"
ALL = frozenset({"same_article", "other_version", "cocited", "together", "near_duplicate", "skipped", "above_margin"})
NOTHING = {"bm25_top": 0, "dense_top": 0, "structural": False}
CELLS = {
    "none": ({}, frozenset(), 0),
    "random": ({**NOTHING, "too_few": "random"}, ALL, None),
    "bm25": ({**NOTHING, "bm25_top": 50, "sampling_strategy": "top"}, ALL, None),
    "dense": ({**NOTHING, "dense_top": 50, "sampling_strategy": "top"}, ALL, None),
    "hybrid": ({"sampling_strategy": "top"}, ALL, None),
    "filtered": ({}, frozenset(), None),
    "apart": ({"cited_together": 0, "skip_top": 0}, frozenset(), None),
    "together": ({"skip_top": 0}, frozenset(), None),
    "top": ({"sampling_strategy": "top"}, frozenset(), None),
    "sampled": ({"sampling_strategy": "sampled"}, frozenset(), None),
    "skip10": ({"skip_top": 10}, frozenset(), None),
}


@click.command(help=__doc__)
@click.argument("folder", type=click.Path(path_type=Path, exists=True))
@click.option("--seeds", default="7,8", show_default=True)
@click.option("--cells", default="none,random,bm25,dense,hybrid,filtered", show_default=True)
@click.option("--encoder", type=click.Path(path_type=Path), help="Who mines; the folder's models/base if not given.")
@click.option("--keep", type=click.Path(path_type=Path), help="Where to leave the last trained model's folder.")
@click.option("--set", "settings", multiple=True, help="A parameter of train, such as lr=0.001.")
def main(folder: Path, seeds: str, cells: str, encoder: Path | None, keep: Path | None, settings: tuple[str, ...]) -> None:
    """Train and print one line a run."""
    logging.disable(logging.WARNING)
    processed = folder / "data/processed"
    mining = load_section(PARAMS, "mine", MineParams)
    training = load_section(PARAMS, "train", TrainParams)
    changes = {key: float(value) if "." in value else int(value) for key, _, value in (pair.partition("=") for pair in settings)}
    training = replace(training, evaluations=4, keep=1, **changes)
    corpus = list(read_records(processed / "merged_corpus.jsonl", Passage))
    pairs = list(read_records(processed / "pairs_train.jsonl", Pair))
    queries = queries_of(pairs, read_records(folder / "data/qa/questions.jsonl", Question))
    manifest = read_json(folder / "data/testset/manifest.json")
    reserved = with_duplicates(frozenset(manifest["reserved_articles"]) | frozenset(manifest["held_out_documents"]), corpus)
    loss, lora = load_section(PARAMS, "loss", LossParams), load_section(PARAMS, "lora", LoraParams)
    guards = load_section(PARAMS, "guards", GuardsParams)
    validation = Validation(list(read_records(processed / "pairs_train_valid.jsonl", Pair)), corpus)
    bm25 = load_section(PARAMS, "retrieval", RetrievalParams)
    with open_store() as store:
        searched = search_all(queries, corpus, load_encoder(encoder or folder / "models/base"), mining, bm25, store)
    known = Corpus(corpus, reserved, decisions_of(queries))
    near = known.near_duplicates(positives(known, queries, mining), mining.near_duplicate)
    print("cell\tseed\tbest nDCG@10\tlast\tnegatives kept\tseconds", flush=True)
    for name in cells.split(","):
        changed, without, most = CELLS[name]
        lists = replace(
            searched,
            bm25=searched.bm25 if changed.get("bm25_top", 1) else type(searched.bm25)({}),
            dense=searched.dense if changed.get("dense_top", 1) else type(searched.dense)({}),
        )
        made = mine(queries, lists, known, near, replace(mining, **changed), Advice(without=without))
        kept = sum(len(example.neg) for example in made.examples)
        for seed in map(int, seeds.split(",")):
            start = time.time()
            params = replace(training, seed=seed, negatives=training.negatives if most is None else most)
            with tempfile.TemporaryDirectory() as scratch:
                recipe = Recipe(params, loss, lora, guards)
                inputs = TrainingInputs(load_learner(folder / "models/base"), made.examples, validation, recipe)
                train(inputs, Path(scratch) / "run")
                rows = read_history(Path(scratch) / "run" / "history.jsonl")
                history = [value for _, value in series(rows, "valid_ndcg@10")]
                if keep:
                    shutil.copytree(max((Path(scratch) / "run/checkpoints").iterdir()), keep, dirs_exist_ok=True)
            best, last = float(np.max(history)), history[-1]
            print(f"{name}\t{seed}\t{best:.4f}\t{last:.4f}\t{kept}\t{time.time() - start:.0f}\t{history}", flush=True)


if __name__ == "__main__":
    main()
