"""A pretrained transformer fine-tuned on a CPU: what a step costs, what it gives, and beside sentence-transformers' own trainer.

    python benchmarks/fine_tuning.py speed PROJECT [--examples 16] [--rounds 2]
    python benchmarks/fine_tuning.py tune PROJECT OUT [--asked 250] [--distractors 800] [--lay FILE] [-S train.lr=2e-5 ...]
    python benchmarks/fine_tuning.py beside PROJECT [--examples 64] [--rounds 2]

PROJECT: a folder whose stages up to `mine` have run; questions on the articles that valid_unseen.json lists are told apart.
speed: one epoch of the same examples, each way in a process of its own, several rounds: tokens a second of processor time and on
the wall, and the memory at its highest.
tune: the stage's engine with its resume state (`DVC_ROOT`), so it may be killed and started again; a validation asks some of the
validation questions of their articles and so many others. At the end the base, the last checkpoint and points between them on
seen and unseen articles, and on a file of {text, gold} questions.
beside: the same pairs, batches, lengths, rate and steps in both trainers, without dropout, turn by turn.
"""

import argparse
import json
import os
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT / "src"))
os.environ["PYTHONPATH"] = str(ROOT / "src")
os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")
os.environ.setdefault("THP_MEM_ALLOC_ENABLE", "1")  # as the stages do

import numpy as np  # noqa: E402  (only now is the path right)

BASE = "multilingual-e5-small"
EIGHT = "train.freeze=[embeddings,'layer.[0-7][.]']"
WAYS: dict[str, tuple[str, ...]] = {
    "all of it, cached gradients in eights": ("loss.mini_batch=8",),
    "the same, word table frozen": ("loss.mini_batch=8", "train.freeze=[embeddings]"),
    "word table frozen, whole graph": ("train.freeze=[embeddings]",),
    "the same, activations computed again": ("train.freeze=[embeddings]", "train.gradient_checkpointing=true"),
    "the same, bf16": ("train.freeze=[embeddings]", "train.precision=bf16"),
    "LoRA of rank 8": ("lora.rank=8",),
    "eight layers frozen": (EIGHT,),
    "eight layers frozen, cached gradients in eights": (EIGHT, "loss.mini_batch=8"),
    "eight layers frozen, batch padded to its longest": (EIGHT, "group=0"),
}


def main() -> None:
    """Run one of the three."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("what", choices=("speed", "speed-of", "tune", "beside"))
    parser.add_argument("project", type=Path)
    parser.add_argument("out", type=Path, nargs="?")
    parser.add_argument("--examples", type=int, default=16)
    parser.add_argument("--rounds", type=int, default=2)
    parser.add_argument("--length", type=int, default=256)
    parser.add_argument("--asked", type=int, default=250)
    parser.add_argument("--distractors", type=int, default=800)
    parser.add_argument("--lay", type=Path)
    parser.add_argument("--ways", default="", help="of speed: only those with this in their name")
    parser.add_argument("-S", "--set", action="append", default=[], help="a parameter, such as train.lr=2e-5")
    given = parser.parse_args()
    if given.what == "speed":
        speed(given)
    elif given.what == "speed-of":
        speed_of(given)
    elif given.what == "tune":
        tune(given)
    else:
        beside(given)


def recipe_of(changes: Sequence[str]) -> Any:
    """The recipe of params.yaml with some of it changed."""
    from ruamel.yaml import YAML

    from haechi.guards.params import GuardsParams
    from haechi.runtime.params import load_section
    from haechi.training.lora_params import LoraParams
    from haechi.training.loss_params import LossParams
    from haechi.training.params import TrainParams
    from haechi.training.recipe import Recipe

    values = YAML(typ="safe").load((ROOT / "params.yaml").read_text(encoding="utf-8"))
    for change in changes:
        key, _, value = change.partition("=")
        section, _, name = key.partition(".")
        values[section][name] = YAML(typ="safe").load(value)
    with tempfile.TemporaryDirectory() as folder:
        told = Path(folder) / "params.yaml"
        YAML(typ="safe").dump(values, told)
        kinds = {"train": TrainParams, "loss": LossParams, "lora": LoraParams, "guards": GuardsParams}
        return Recipe(*(load_section(told, name, kind) for name, kind in kinds.items()))


def examples_of(project: Path) -> list[Any]:
    """What was mined."""
    from haechi.records.mined import MinedExample
    from haechi.runtime.files import read_records

    return list(read_records(project / "data/mined/train.jsonl", MinedExample))


def drawn(items: Sequence[Any], number: int, seed: int = 7) -> list[Any]:
    """Some of them, always the same."""
    return [items[i] for i in np.random.default_rng(seed).permutation(len(items))[:number]]


# --- speed


def speed(given: argparse.Namespace) -> None:
    """Every way in turn, several times."""
    found: dict[str, list[dict[str, float]]] = {name: [] for name in WAYS if given.ways in name}
    for _ in range(given.rounds):
        for name in found:
            options = ["--examples", str(given.examples), "--length", str(given.length)]
            command = [sys.executable, __file__, "speed-of", str(given.project), *options]
            done = subprocess.run(
                [*command, *(f"-S{change}" for change in WAYS[name])], capture_output=True, text=True, check=False
            )
            if done.returncode:
                print(f"{name}: {(done.stderr.splitlines() or [f'ended with {done.returncode}'])[-1]}", flush=True)
                continue
            found[name].append(json.loads(done.stdout.splitlines()[-1]))
            print(name, found[name][-1], flush=True)
    print("| what is trained | tokens a second of processor time | on the wall | peak MB |\n| --- | ---: | ---: | ---: |")
    for name, runs in found.items():
        if runs:
            best = {key: max(run[key] for run in runs) for key in runs[0]}
            print(f"| {name} | {best['processor']:.0f} | {best['wall']:.0f} | {best['peak']:.0f} |")


def speed_of(given: argparse.Namespace) -> None:
    """One way: the engine's objective and optimizer over some examples."""
    import torch

    from haechi.models.load import load_base
    from haechi.training import objective as objectives
    from haechi.training.adapters import add_adapters, freeze
    from haechi.training.examples import make_rows
    from haechi.training.frozen import read_once

    recipe = recipe_of(["train.batch_size=8", "train.negatives=1", *(s for s in given.set if not s.startswith("group="))])
    if "group=0" in given.set:
        objectives.GROUP = 1 << 20
    model = load_base(BASE, given.length)
    pairs = [example for example in examples_of(given.project) if example.source == "precedent" and example.neg]
    rows = make_rows([replace(example, pos=example.pos[:1], pos_ids=example.pos_ids[:1], pos_scores=example.pos_scores[:1])
                      for example in drawn(pairs, given.examples)], 1)  # fmt: skip
    texts = [rows.texts[number] for number in sorted({n for n in rows.documents.ravel().tolist() if n >= 0})]
    tokens = sum(
        int(model.preprocess(list(some), prompt=model.prompts[side])["attention_mask"].sum())
        for side, some in (("query", rows.queries), ("document", texts))
    )
    torch.manual_seed(7)
    if recipe.lora.rank:
        add_adapters(model, recipe.lora, None)
    freeze(model, recipe.params.freeze)
    if recipe.params.gradient_checkpointing:
        model[0].model.gradient_checkpointing_enable()  # type: ignore[operator, union-attr]
    objective = objectives.CachedObjective(model, rows, recipe.loss, recipe.params).train()
    optimizer = torch.optim.AdamW([weight for weight in model.parameters() if weight.requires_grad], lr=1e-5)
    with read_once(model):
        wall, processor = time.monotonic(), time.process_time()
        for start in range(0, len(rows), recipe.params.batch_size):
            batch = torch.arange(start, min(start + recipe.params.batch_size, len(rows)))
            with torch.autocast("cpu", torch.bfloat16, enabled=recipe.params.precision == "bf16"):
                objective([], batch).backward()
            optimizer.step()
            optimizer.zero_grad()
        wall, processor = time.monotonic() - wall, time.process_time() - processor
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(json.dumps({"processor": tokens / processor, "wall": tokens / wall, "peak": peak}))


# --- tune


def tune(given: argparse.Namespace) -> None:
    """Train, and score what came out; a killed run goes on where it was."""
    from haechi.models.load import load_base, load_encoder
    from haechi.records.pair import Pair
    from haechi.records.passage import Passage
    from haechi.runtime.files import read_records, sha256_folder
    from haechi.scoring.validation import Validation
    from haechi.training.adapters import freeze
    from haechi.training.engine import train
    from haechi.training.frozen import read_once
    from haechi.training.memory import taken
    from haechi.training.resume import Work, resumable
    from haechi.training.session import TrainingInputs

    began, spent = time.monotonic(), time.process_time()
    data = given.project / "data/processed"
    corpus = list(read_records(data / "merged_corpus.jsonl", Passage))
    asked = list(read_records(data / "pairs_train_valid.jsonl", Pair))
    unseen = (
        set(json.loads((data / "valid_unseen.json").read_text())["articles"]) if (data / "valid_unseen.json").exists() else set()
    )
    strangers = [pair for pair in asked if unseen.intersection(pair.meta.article_keys)]
    seen = drawn([pair for pair in asked if not unseen.intersection(pair.meta.article_keys)], given.asked)
    lay = lay_pairs(given.lay, seen[0]) if given.lay else []
    gold = {key for pair in (*seen, *strangers, *lay) for key in pair.meta.article_keys}
    kept = {passage.article_key for passage in drawn(corpus, given.distractors)} | gold
    some = [passage for passage in corpus if passage.article_key in kept]
    there = {passage.article_key for passage in some}
    slices = {
        "issues": seen,
        "unseen articles": strangers,
        "everyday questions": [p for p in lay if p.meta.article_keys[0] in there],
    }
    validations = {name: Validation(pairs, some) for name, pairs in slices.items() if pairs}
    print({name: len(pairs) for name, pairs in slices.items()}, f"questions, {len(some)} passages", flush=True)

    recipe = recipe_of(given.set)
    base = load_base(BASE, given.length)
    base_weights = {key: value.clone() for key, value in base.state_dict().items()}
    work = Work(
        "fine-tuning", {**recipe.asdict(), "length": given.length, "asked": given.asked, "among": given.distractors}, {}, {}
    )
    if not given.out.exists():
        with resumable(work) as state:
            train(TrainingInputs(base, examples_of(given.project), validations["issues"], recipe, BASE), given.out, state=state)
    took = f"{time.monotonic() - began:.0f} s, of the processor {time.process_time() - spent:.0f} s"
    print(took, taken(), sha256_folder(given.out)[:16], flush=True)
    last = sorted(folder for folder in (given.out / "checkpoints").iterdir() if folder.name.startswith("step"))[-1]
    model, start, end = load_base(BASE, given.length), base_weights, load_encoder(last).state_dict()
    print("| nDCG@10 | " + " | ".join(validations) + " |\n| --- |" + " ---: |" * len(validations), flush=True)
    freeze(model, recipe.params.freeze)
    with read_once(model):
        for name, share in {"base": 0.0, "half of the way": 0.5, last.name: 1.0}.items():
            model.load_state_dict(
                {key: value.lerp(end[key], share) if value.is_floating_point() else value for key, value in start.items()}
            )
            print(f"| {name} | " + " | ".join(f"{score:.3f}" for score in scores(model.eval(), validations)) + " |", flush=True)


def scores(model: Any, validations: Any) -> list[float]:
    """nDCG@10 of several validations over one corpus, whose passages are embedded once."""
    from haechi.retrieval.dense import encode_passages, encode_queries
    from haechi.scoring.metrics import mean, score

    corpus = next(iter(validations.values())).corpus
    passages = encode_passages(model, [passage.text for passage in corpus], 16)
    found = []
    for validation in validations.values():
        queries = encode_queries(model, [pair.query_text for pair in validation._pairs], 16)
        found.append(mean(score(validation._places(validation._search(queries, passages)), (10,)))["ndcg@10"])
    return found


def lay_pairs(file: Path, pattern: Any) -> list[Any]:
    """Questions of a file of {qid, text, gold} as validation pairs."""
    rows = [json.loads(line) for line in file.read_text(encoding="utf-8").splitlines() if line.strip()]
    return [
        replace(
            pattern,
            query_id=row["qid"],
            query_text=row["text"],
            meta=replace(
                pattern.meta, source_id="", group=row["qid"], article_keys=tuple(row["gold"]), cocited=tuple(row["gold"])
            ),
        )
        for row in rows
    ]


# --- beside sentence-transformers


def beside(given: argparse.Namespace) -> None:
    """Both trainers on the same pairs, turn by turn; the loss of each at the end is on all pairs."""
    for round_ in range(given.rounds):
        for name, trained in (("ours", ours), ("theirs", theirs)):
            seconds, wall, loss = trained(given)
            print(
                f"round {round_ + 1}, {name}: {seconds:.1f} s of the processor, {wall:.1f} s, loss afterwards {loss:.4f}",
                flush=True,
            )


def _of_beside(given: argparse.Namespace) -> tuple[Any, list[Any]]:
    from haechi.models.load import load_base

    model = load_base(BASE, given.length)
    import torch

    for module in model.modules():
        if isinstance(module, torch.nn.Dropout):
            module.p = 0.0
    pairs = [example for example in examples_of(given.project) if example.source == "precedent" and example.neg]
    return model, [
        replace(e, pos=e.pos[:1], pos_ids=e.pos_ids[:1], pos_scores=e.pos_scores[:1], related=())
        for e in drawn(pairs, given.examples)
    ]


def _loss(model: Any, examples: Sequence[Any]) -> float:
    from haechi.retrieval.dense import encode_passages, encode_queries

    queries = encode_queries(model, [e.query for e in examples], 8)
    passages = encode_passages(model, [e.pos[0] for e in examples], 8)
    logits = queries @ passages.T / 0.05
    return float(np.mean(np.log(np.exp(logits).sum(axis=1)) - np.diag(logits)))


def ours(given: argparse.Namespace) -> tuple[float, float, float]:
    """The stage's engine from its first batch to its last update."""
    from haechi.scoring.validation import Validation
    from haechi.training.engine import train
    from haechi.training.session import TrainingInputs

    model, examples = _of_beside(given)
    pair, passage = one_question()
    clock = _clock()
    with tempfile.TemporaryDirectory() as folder:
        inputs = TrainingInputs(model, examples, Validation([pair], [passage]), recipe_of([*SAME, *given.set]))
        train(inputs, Path(folder) / "run", also=[clock])
    return clock.processor, clock.wall, _loss(model.eval(), examples)


def theirs(given: argparse.Namespace) -> tuple[float, float, float]:
    """SentenceTransformerTrainer with its loss of the same form."""
    from datasets import Dataset
    from sentence_transformers import SentenceTransformerTrainer, SentenceTransformerTrainingArguments
    from sentence_transformers.sentence_transformer.losses import MultipleNegativesRankingLoss

    from haechi.training.adapters import freeze

    model, examples = _of_beside(given)
    recipe = recipe_of([*SAME, *given.set]).params
    freeze(model, recipe.freeze)
    clock = _clock()
    columns = {
        "anchor": [e.query for e in examples],
        "positive": [e.pos[0] for e in examples],
        "negative": [e.neg[0] for e in examples],
    }
    steps = recipe.epochs * -(-len(examples) // recipe.batch_size)
    with tempfile.TemporaryDirectory() as folder:
        SentenceTransformerTrainer(
            model=model,
            args=SentenceTransformerTrainingArguments(
                output_dir=folder,
                num_train_epochs=recipe.epochs,
                per_device_train_batch_size=recipe.batch_size,
                learning_rate=recipe.lr,
                warmup_steps=round(steps * recipe.warmup_ratio),
                prompts={
                    "anchor": model.prompts["query"],
                    "positive": model.prompts["document"],
                    "negative": model.prompts["document"],
                },
                save_strategy="no",
                report_to="none",
                disable_tqdm=True,
                logging_steps=10**6,
                use_cpu=True,
                seed=recipe.seed,
            ),
            train_dataset=Dataset.from_dict(columns),
            loss=MultipleNegativesRankingLoss(model, scale=1 / recipe.temperature),
            callbacks=[clock],
        ).train()
    return clock.processor, clock.wall, _loss(model.eval(), examples)


SAME = (
    "train.batch_size=8",
    "train.negatives=1",
    "train.epochs=1",
    "train.evaluations=1",
    "train.ema_decay=0.0",
    "train.lr=2e-5",
    "train.temperature=0.05",
    "train.freeze=[embeddings]",
    "guards.action={}",
)


def _clock() -> Any:
    """A callback that knows how long it was from the first batch to the last update."""
    from transformers import TrainerCallback

    class Clock(TrainerCallback):
        def on_train_begin(self, *_: Any, **__: Any) -> None:
            self._began = time.monotonic(), time.process_time()

        def on_optimizer_step(self, *_: Any, **__: Any) -> None:
            self.wall, self.processor = time.monotonic() - self._began[0], time.process_time() - self._began[1]

        def save(self, folder: Path) -> None:
            """Nothing: no state is saved."""

        def load(self, folder: Path) -> None:
            """Nothing."""

    return Clock()


def one_question() -> Any:
    """The least that can be validated on."""
    from haechi.records.pair import Pair, PairMeta
    from haechi.records.passage import Passage

    passage = Passage("a", "a", "a", "law", "\uac00", "", "", "", "", "", (), 0)
    return Pair("q", "\uac00", ("a",), (), PairMeta("precedent", "", "q", "", ("a",), ("a",), False)), passage


if __name__ == "__main__":
    main()
