"""The train stage: sentence-transformers' own trainer, with our loss, batches, validation and checkpoints as parts of it.

Checkpoints are model folders; nothing with a date or a path is written.
"""

import itertools
import os
import tempfile
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path

import torch
from datasets import Dataset
from sentence_transformers import SentenceTransformer, SentenceTransformerTrainingArguments
from transformers.trainer_callback import PrinterCallback

from haechi.files import atomic_folder, write_json, write_jsonl
from haechi.models.load import device, load_base
from haechi.models.registry import known
from haechi.params.train import TrainParams
from haechi.progress import say
from haechi.records.mined import MinedExample
from haechi.state import State
from haechi.training.adapt import add_adapters, freeze
from haechi.training.checks import check_model, check_params, check_rows
from haechi.training.examples import Rows, choose_examples, make_rows
from haechi.training.objective import CachedObjective, Guide, Objective
from haechi.training.plan import Batch, plan
from haechi.training.recipe import Recipe
from haechi.training.refresh import Refresh
from haechi.training.trainer import Trainer, load_last, save_last, trained
from haechi.training.validation import Validation
from haechi.training.watch import HISTORY, METRIC, Watch


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
) -> dict[str, object]:
    """Tune the model; leaves checkpoints, history.jsonl and training_config.json in the folder, returns the counts.

    `base` is the model's name where the registry may know it. Without `update` everything runs, but no weight changes.
    """
    params = recipe.params
    torch.use_deterministic_algorithms(True, warn_only=True)
    check_params(params, recipe.loss, recipe.lora, device())
    check_model(model, params, recipe.loss, recipe.lora)
    chosen = choose_examples(examples, params)
    rows = make_rows(chosen, params.negatives)
    check_rows(rows, params, recipe.loss)
    epochs = plan(rows, params)
    batches = [batch for epoch in epochs for batch in epoch]
    steps = -(-len(batches) // params.accumulation)
    with atomic_folder(folder) as temporary, tempfile.TemporaryDirectory() as scratch:
        opening = load_last(Path(params.resume_from), model) if params.resume_from else None
        objective = _objective(model, rows, recipe)
        torch.manual_seed(params.seed)  # adapters are drawn
        if recipe.lora.rank:
            add_adapters(model, recipe.lora, known(base))
        freeze(model, params.freeze)
        watch = Watch(model, validation, temporary, params, steps, measured=objective.measured)
        refresh = Refresh(model, objective, validation.corpus, _refresh_at(epochs, params))
        model.model_card_data.generate_widget_examples = False  # our card is made elsewhere
        trainer = Trainer(
            model=model,
            args=_arguments(params, Path(scratch), steps, update=update),
            train_dataset=Dataset.from_dict({"label": list(range(len(rows)))}),
            loss=objective,
            batches=batches,
            state=state,
            memories=[watch, refresh],
        )
        trainer.remove_callback(PrinterCallback)
        if not (state and state.last()):
            watch.validate(0)
            say(f"train: {len(rows)} rows, {steps} steps; validation {METRIC} of the base {watch.start:.4f}")
        trainer.start(opening)
        write_jsonl(temporary / HISTORY, watch.history)
        config = {**recipe.asdict(), "rows": len(rows), "steps": steps, "checkpoints": [asdict(c) for c in watch.kept]}
        write_json(temporary / "training_config.json", config)
        if params.keep_last:
            facts = {"trained": sorted(trained(model)), "steps": steps}
            save_last(temporary / "last", model, trainer.optimizer, facts)
    return {
        "examples": {"mined": len(examples), "used": len(chosen), "rows": len(rows)},
        "steps": steps,
        "validation": {"base": round(watch.start, 6), "best": round(watch.kept[0].score, 6), "metric": METRIC},
    }


def _refresh_at(epochs: Sequence[Sequence[Batch]], params: TrainParams) -> set[int]:
    """The steps after which negatives are mined anew: ends of epochs, but not of the last."""
    ends = itertools.accumulate(len(epoch) for epoch in epochs[:-1])
    every = params.refresh_every
    return {-(-end // params.accumulation) for i, end in enumerate(ends, 1) if every and i % every == 0}


def _objective(model: SentenceTransformer, rows: Rows, recipe: Recipe) -> Objective:
    loss = recipe.loss
    guide = None
    if loss.name == "guided":
        guide = Guide(load_base(loss.guide, int(model.max_seq_length or 512)) if loss.guide else model, rows, loss.margin)
    kind = CachedObjective if loss.mini_batch else Objective
    return kind(model, rows, loss, recipe.params, guide)


def _arguments(params: TrainParams, scratch: Path, steps: int, *, update: bool) -> SentenceTransformerTrainingArguments:
    return SentenceTransformerTrainingArguments(
        output_dir=str(scratch),
        num_train_epochs=1,  # the plan holds all of them
        per_device_train_batch_size=params.batch_size,
        gradient_accumulation_steps=params.accumulation,
        activation_checkpointing=params.checkpointing,
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
        disable_tqdm=not os.isatty(2),
        dataloader_num_workers=0,
        use_cpu=device() == "cpu",
        dataloader_pin_memory=torch.cuda.is_available(),
    )
