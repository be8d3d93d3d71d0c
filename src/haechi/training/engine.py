"""The train stage: sentence-transformers' own trainer, with our loss, batches, validation and checkpoints as parts of it.

Checkpoints are model folders; nothing with a date or a path is written.
"""

import itertools
import tempfile
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import torch
from datasets import Dataset
from sentence_transformers import SentenceTransformer, SentenceTransformerTrainingArguments
from sentence_transformers.sentence_transformer.modules import StaticEmbedding
from transformers.trainer_callback import PrinterCallback

from haechi.guards.rules import rules_of
from haechi.guards.status import Report
from haechi.models.load import device, load_base
from haechi.models.registry import known
from haechi.records.mined import MinedExample
from haechi.runtime.errors import HaechiError
from haechi.runtime.files import atomic_folder, write_json
from haechi.runtime.progress import say
from haechi.scoring.validation import Validation
from haechi.training.adapters import add_adapters, freeze
from haechi.training.batch_plan import Batch, never_shown, plan
from haechi.training.checkpointing import METRIC, Watch
from haechi.training.checks import check_launch, check_model, check_params, check_rows
from haechi.training.examples import Rows, choose_examples, keeps_negatives, make_rows
from haechi.training.guard_callback import Guard
from haechi.training.memory import MemoryLog, MiniBatch, out_of_memory, probed, told
from haechi.training.monitor import Monitor
from haechi.training.objective import CachedObjective, Guide, Objective
from haechi.training.outcome import outcome
from haechi.training.params import TrainParams
from haechi.training.recipe import Recipe
from haechi.training.refresh import Refresh
from haechi.training.resume import State
from haechi.training.retention import announce
from haechi.training.tracker_callback import Onlooker
from haechi.training.trackers import Tracked
from haechi.training.trainer import Remembers, Trainer, load_last, save_last, trained
from haechi.training.validation_loss import HeldOut, logged, rows_of_held_out


def train(
    model: SentenceTransformer,
    examples: Sequence[MinedExample],
    validation: Validation,
    folder: Path,
    recipe: Recipe,
    state: State | None = None,
    *,
    base: str = "",
    update: bool = True,
    held_out: Sequence[MinedExample] = (),
    report: Report = lambda facts: None,
    memory_file: Path | None = None,
    tracked: Tracked | None = None,
    also: Sequence[Remembers] = (),
) -> dict[str, Any]:
    """Tune the model; leaves checkpoints, history, looks at modules and training_config.json in the folder, returns the counts.

    `base` is the model's name where the registry may know it. Without `update` everything runs, but no weight changes.
    `held_out` examples give the validation loss; `report` is told how far the run is; `memory_file` gets memory statistics,
    `tracked` what the history gets. `also` are further callbacks.
    """
    params = recipe.params
    torch.use_deterministic_algorithms(True, warn_only=True)
    check_launch()
    check_params(params, recipe.loss, recipe.lora, device())
    check_model(model, params, recipe.loss, recipe.lora)
    chosen = choose_examples(examples, params)
    rows = make_rows(chosen, params.negatives, keeps_negatives(chosen, params))
    check_rows(rows, params, recipe.loss)
    epochs = plan(rows, params)
    unshown = never_shown(rows, epochs)
    if unshown:
        say(f"train: {unshown} of {len(rows)} rows are never shown (sampler, weights or curriculum)")
    batches = [batch for epoch in epochs for batch in epoch]
    steps = -(-len(batches) // params.gradient_accumulation)
    static = isinstance(model[0], StaticEmbedding)
    with atomic_folder(folder) as temporary, tempfile.TemporaryDirectory() as scratch:
        opening = load_last(Path(params.resume_from), model) if params.resume_from else None
        valid_rows = rows_of_held_out(held_out, recipe)
        rules = rules_of(recipe.guards, logged(recipe, validation, bool(valid_rows)))
        source = _guide_model(model, recipe)
        objective = _objective(model, rows, recipe, source)
        held = HeldOut(_objective(model, valid_rows, recipe, source), params) if valid_rows else None
        torch.manual_seed(params.seed)  # adapters are drawn
        if recipe.lora.rank:
            add_adapters(model, recipe.lora, known(base))
        freeze(model, params.freeze)
        mini_batch = _mini_batch(objective, held, batches, rows)
        watch = Watch(
            model,
            validation,
            temporary,
            params,
            steps,
            measured=objective.measured,
            valid_loss=held,
            mini_batch=mini_batch,
            report=report,
        )
        names = [example.query_id for example in chosen for _ in example.pos_ids]
        guard = Guard(
            model,
            watch,
            rules,
            recipe.guards,
            Path(scratch),
            lambda inputs: [names[row] for batch in inputs for row in batch["label"].tolist()],
        )
        monitor = Monitor(model, steps, params.expected_params)
        refresh = Refresh(model, objective, _refresh_at(epochs, params), params.refresh_skip)
        announce(
            folder, model, steps, params, resumes=state is not None, rolls_back=any(rule.action == "rollback" for rule in rules)
        )
        model.model_card_data.widget = [{}]  # our card is made elsewhere; without a widget the trainer would look for examples
        trainer = Trainer(
            model=model,
            args=_arguments(params, Path(scratch), steps, update=update),
            train_dataset=Dataset.from_dict({"label": list(range(len(rows)))}),
            loss=objective,
            batches=batches,
            state=state,
            memories=[watch, guard, monitor, refresh, mini_batch, *also],
            ended=lambda: guard.ended is not None,
        )
        trainer.mini_batch, trainer.counts = mini_batch, objective
        guard.trainer = monitor.trainer = trainer
        trainer.remove_callback(PrinterCallback)
        memory_log = MemoryLog(mini_batch, memory_file)
        onlooker = Onlooker(watch, tracked or Tracked({}))
        trainer.add_callback(memory_log)
        trainer.add_callback(onlooker)
        if last := state.last() if state else None:
            say(f"train: goes on at step {last.number} of {steps}")
        else:
            watch.validate(0)
            say(f"train: {len(rows)} rows, {steps} steps; validation {METRIC} of the base {watch.start:.4f}")
        try:
            trainer.start(opening)
        except Exception as error:
            if not out_of_memory(error):
                raise
            raise HaechiError(
                "train: out of memory outside forward and backward, most likely for the optimizer's memory; "
                "train adapters (lora.rank), freeze a part (train.freeze), or take a smaller model"
            ) from error
        finally:
            onlooker.close()
            memory_log.write()
        if not watch.kept:
            raise HaechiError(f"train: stopped before the first validation: {guard.reason.en or 'no step'}")
        facts = outcome(watch, guard, monitor, recipe, temporary, static=static)
        config = {**recipe.asdict(), "rows": len(rows), "steps": steps, "checkpoints": [asdict(c) for c in watch.kept]}
        write_json(temporary / "training_config.json", config)
        if params.keep_last:
            save_last(temporary / "last", model, trainer.optimizer, {"trained": sorted(trained(model)), "steps": steps})
    return {
        "examples": {"mined": len(examples), "used": len(chosen), "rows": len(rows), "held_out": len(held_out)}
        | {"with_negatives": int((rows.documents[:, 1:] >= 0).any(axis=1).sum()), "never_shown": unshown},
        "steps": steps,
        **facts,
    }


def _mini_batch(objective: Objective, held: HeldOut | None, batches: Sequence[Batch], rows: Rows) -> MiniBatch:
    """How many texts are embedded at once: as the loss says, as the environment says, or what memory allows."""
    largest = max(len(batch) for batch in batches) * (rows.documents.shape[1])
    if not isinstance(objective, CachedObjective):
        return MiniBatch(0, largest, None)
    cached = objective

    def apply(size: int) -> None:
        for part in (cached, held.objective if held else None):
            if isinstance(part, CachedObjective):
                part.mini_batch_size = size

    mini_batch = MiniBatch(cached.mini_batch_size, largest, apply)
    if (asked := told()) == "auto":
        if not _probes():
            say("train: HAECHI_MINI_BATCH=auto needs a GPU, whose memory has an end that can be met; nothing is probed")
        else:
            probe(cached, mini_batch, batches, rows)
    elif asked:
        mini_batch.set(int(asked))
        mini_batch.start = mini_batch.size
    return mini_batch


def _probes() -> bool:
    return device() != "cpu"


def probe(objective: Objective, mini_batch: MiniBatch, batches: Sequence[Batch], rows: Rows) -> None:
    """Find the largest mini-batch that fits, on the batch with the longest texts; no weight and no random number changes."""
    lengths = [sum(len(rows.texts[n]) for n in set(rows.columns(batch).tolist()) if n >= 0) for batch in batches]
    hardest = torch.tensor(batches[max(range(len(batches)), key=lengths.__getitem__)])

    def attempt() -> None:
        objective.train()
        try:
            objective([], hardest).backward()
        finally:
            objective.zero_grad()

    with torch.random.fork_rng():
        size = probed(attempt, mini_batch, len(hardest) * rows.documents.shape[1])
    objective.measured()
    say(f"train: {f'{size} texts are' if size else 'the whole batch is'} embedded at once, as memory allows")


def _refresh_at(epochs: Sequence[Sequence[Batch]], params: TrainParams) -> set[int]:
    """The steps after which negatives are mined anew: ends of epochs, but not of the last."""
    ends = itertools.accumulate(len(epoch) for epoch in epochs[:-1])
    every = params.refresh_every
    return {-(-end // params.gradient_accumulation) for i, end in enumerate(ends, 1) if every and i % every == 0}


def _guide_model(model: SentenceTransformer, recipe: Recipe) -> SentenceTransformer | None:
    """Whose embeddings guide the loss, if it is guided."""
    loss = recipe.loss
    if loss.name != "guided":
        return None
    return load_base(loss.guide, int(model.max_seq_length or 512)) if loss.guide else model


def _objective(model: SentenceTransformer, rows: Rows, recipe: Recipe, source: SentenceTransformer | None) -> Objective:
    """Of a transformer with cached gradients, whether or not they are needed from the beginning."""
    guide = Guide(source, rows, recipe.loss.margin) if source is not None else None
    kind = Objective if isinstance(model[0], StaticEmbedding) else CachedObjective
    return kind(model, rows, recipe.loss, recipe.params, guide)


def _arguments(params: TrainParams, scratch: Path, steps: int, *, update: bool) -> SentenceTransformerTrainingArguments:
    return SentenceTransformerTrainingArguments(
        output_dir=str(scratch),
        num_train_epochs=1,  # the plan holds all of them
        per_device_train_batch_size=params.batch_size,
        gradient_accumulation_steps=params.gradient_accumulation,
        activation_checkpointing=params.gradient_checkpointing,
        bf16=params.precision == "bf16",
        fp16=params.precision == "fp16",
        learning_rate=params.lr if update else 0.0,
        lr_scheduler_type=params.scheduler,
        warmup_steps=round(steps * params.warmup_ratio),
        weight_decay=params.weight_decay,
        max_grad_norm=params.max_grad_norm,
        seed=params.seed,
        data_seed=params.seed,
        save_strategy="no",
        eval_strategy="no",
        logging_steps=max(1, steps // 50),
        report_to="none",
        disable_tqdm=True,  # our own bar knows the last validation too
        dataloader_num_workers=0,
        use_cpu=device() == "cpu",
        dataloader_pin_memory=torch.cuda.is_available(),
    )
