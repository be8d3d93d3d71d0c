"""The train stage: sentence-transformers' own trainer, with our loss, batches, validation and checkpoints as parts of it.

Checkpoints are model folders; nothing with a date or a path is written.
"""

import itertools
import os
import shutil
import tempfile
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from datasets import Dataset
from sentence_transformers import SentenceTransformer, SentenceTransformerTrainingArguments
from transformers import TrainerCallback, TrainerControl, TrainerState, TrainingArguments
from transformers.trainer_callback import PrinterCallback

from haechi.files import atomic_folder, read_records, write_json, write_jsonl
from haechi.models.load import device, load_base, save_encoder
from haechi.models.registry import known
from haechi.params.lora import LoraParams
from haechi.params.loss import LossParams
from haechi.params.train import TrainParams
from haechi.progress import say
from haechi.records.mined import MinedExample
from haechi.state import State
from haechi.training.adapt import add_adapters, freeze, merged
from haechi.training.checks import check_model, check_params, check_rows
from haechi.training.examples import Rows, choose_examples, make_rows
from haechi.training.objective import CachedObjective, Guide, Objective
from haechi.training.plan import Batch, plan
from haechi.training.refresh import refreshed
from haechi.training.trainer import Trainer, load_last, save_last, trained
from haechi.training.validation import Validation

METRIC = "ndcg@10"
HISTORY, KEPT, NEGATIVES, PASSAGES = "history.jsonl", "kept.jsonl", "negatives.npy", "passages.jsonl"


@dataclass(frozen=True)
class Recipe:
    """Everything that decides how a model is trained."""

    params: TrainParams
    loss: LossParams
    lora: LoraParams


@dataclass(frozen=True)
class Checkpoint:
    """A kept model with its validation score."""

    name: str
    step: int
    score: float


class Watch(TrainerCallback):
    """Validates at evenly spread steps, keeps the best checkpoints, and writes down what happened."""

    def __init__(
        self, objective: Objective, validation: Validation, folder: Path, params: TrainParams, steps: int, refresh_at: set[int]
    ) -> None:
        self._objective, self._validation, self._folder, self._params = objective, validation, folder, params
        self._refresh = refresh_at
        self._at = {max(1, round(steps * (i + 1) / params.evaluations)) for i in range(params.evaluations)}
        self.trainer: Trainer | None = None
        self.history: list[dict[str, Any]] = []
        self.kept: list[Checkpoint] = []

    def on_log(self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **kwargs: Any) -> None:
        """Keep loss, rate and gradient norm; times and rates of this machine are left out."""
        logs = kwargs.get("logs") or {}
        row = {name: logs[name] for name in ("loss", "learning_rate", "grad_norm") if name in logs}
        if "loss" not in row:
            return
        if active := self._objective.active:
            row["active_triplets"] = sum(active) / len(active)
            active.clear()
        self.history.append({"step": state.global_step, **{k: round(float(v), 8) for k, v in row.items()}})

    def on_step_end(self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **kwargs: Any) -> None:
        """Validate if it is time; ask for a state where the log is about to be written."""
        if state.global_step in self._at:
            self.validate(state.global_step)
        if state.global_step in self._refresh:
            model = self._objective.model
            model.eval()
            self._objective.rows = refreshed(unwrapped(model), self._objective.rows, self._validation.corpus)
            say(f"train: step {state.global_step}, negatives mined anew")
        if control.should_log and self.trainer and self.trainer.due():
            control.should_save = True

    def validate(self, step: int) -> None:
        """Score the model as it is, and keep it if it is among the best; before the first step it is only scored."""
        model = self._objective.model
        learning = model.training
        model.eval()
        metrics = self._validation(unwrapped(model))
        model.train(learning)
        self.history.append({"step": step, **{f"valid_{k}": round(v, 6) for k, v in metrics.items()}})
        say(f"train: step {step}, validation {METRIC} {metrics[METRIC]:.4f}")
        if step:
            self._keep(Checkpoint(f"step-{step:06d}", step, metrics[METRIC]))

    def _keep(self, checkpoint: Checkpoint) -> None:
        ranked = sorted([*self.kept, checkpoint], key=lambda c: (-c.score, c.step))
        if checkpoint in ranked[: self._params.keep]:
            save_encoder(merged(unwrapped(self._objective.model)), self._folder / "checkpoints" / checkpoint.name)
        for dropped in ranked[self._params.keep :]:
            if dropped is not checkpoint:
                shutil.rmtree(self._folder / "checkpoints" / dropped.name)
        self.kept = ranked[: self._params.keep]

    def save(self, folder: Path) -> None:
        """Put what is remembered, and the kept checkpoints, into the folder of a state."""
        write_jsonl(folder / HISTORY, self.history)  # not into one JSON file, whose keys would be sorted
        write_jsonl(folder / KEPT, self.kept)
        if self._refresh:
            rows = self._objective.rows
            np.save(folder / NEGATIVES, rows.documents[:, 1:])
            write_jsonl(folder / PASSAGES, [rows.texts, rows.numbers])
        if (self._folder / "checkpoints").is_dir():
            shutil.copytree(self._folder / "checkpoints", folder / "checkpoints", copy_function=_linked)

    def load(self, folder: Path) -> None:
        """Bring it back."""
        self.history = list(read_records(folder / HISTORY, dict))
        self.kept = list(read_records(folder / KEPT, Checkpoint))
        if self._refresh:
            texts, numbers = read_records(folder / PASSAGES, object)
            negatives = np.load(folder / NEGATIVES, allow_pickle=False)
            self._objective.rows = self._objective.rows.with_negatives(negatives, texts, numbers)  # type: ignore[arg-type]
        if (folder / "checkpoints").is_dir():
            shutil.copytree(folder / "checkpoints", self._folder / "checkpoints", copy_function=_linked)


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
        watch = Watch(objective, validation, temporary, params, steps, _refresh_at(epochs, params))
        trainer = _trainer(objective, watch, batches, recipe, Path(scratch), steps, state, update=update)
        if not (state and state.last()):
            watch.validate(0)
            say(f"train: {len(rows)} rows, {steps} steps; validation {METRIC} of the base {_start(watch):.4f}")
        trainer.start(opening)
        write_jsonl(temporary / HISTORY, watch.history)
        config = {
            "params": asdict(params),
            "loss": asdict(recipe.loss),
            "lora": asdict(recipe.lora),
            "rows": len(rows),
            "steps": steps,
            "base": {key.removeprefix("valid_"): value for key, value in watch.history[0].items() if key != "step"},
            "checkpoints": [asdict(c) for c in watch.kept],
        }
        write_json(temporary / "training_config.json", config)
        if params.keep_last:
            facts = {"trained": sorted(trained(model)), "steps": steps}
            save_last(temporary / "last", model, trainer.optimizer, facts)
    return {
        "examples": {"mined": len(examples), "used": len(chosen), "rows": len(rows)},
        "steps": steps,
        "validation": {"base": round(_start(watch), 6), "best": round(watch.kept[0].score, 6), "metric": METRIC},
    }


def unwrapped(model: Any) -> SentenceTransformer:
    """The model itself, where the trainer has put something around it."""
    found: SentenceTransformer = getattr(model, "module", model)
    return found


def _refresh_at(epochs: Sequence[Sequence[Batch]], params: TrainParams) -> set[int]:
    """The steps after which negatives are mined anew: ends of epochs, but not of the last."""
    ends = itertools.accumulate(len(epoch) for epoch in epochs[:-1])
    every = params.refresh_every
    return {-(-end // params.accumulation) for i, end in enumerate(ends, 1) if every and i % every == 0}


def _start(watch: Watch) -> float:
    return float(watch.history[0][f"valid_{METRIC}"])


def _objective(model: SentenceTransformer, rows: Rows, recipe: Recipe) -> Objective:
    loss = recipe.loss
    guide = None
    if loss.name == "guided":
        guide = Guide(load_base(loss.guide, int(model.max_seq_length or 512)) if loss.guide else model, rows, loss.margin)
    kind = CachedObjective if loss.mini_batch else Objective
    return kind(model, rows, loss, recipe.params, guide)


def _trainer(
    objective: Objective,
    watch: Watch,
    batches: Sequence[Batch],
    recipe: Recipe,
    scratch: Path,
    steps: int,
    state: State | None,
    *,
    update: bool,
) -> Trainer:
    model = unwrapped(objective.model)
    model.model_card_data.generate_widget_examples = False  # our card is made elsewhere
    trainer = Trainer(
        model=model,
        args=_arguments(recipe.params, scratch, steps, update=update),
        train_dataset=Dataset.from_dict({"label": list(range(len(objective.rows)))}),
        loss=objective,
        callbacks=[watch],
        batches=batches,
        state=state,
        keep=watch.save,
        restore=watch.load,
    )
    trainer.remove_callback(PrinterCallback)
    watch.trainer = trainer
    return trainer


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


def _linked(source: str, target: str) -> None:
    """A second name for a file that nobody changes; a copy where the disk can't do that."""
    try:
        os.link(source, target)
    except OSError:
        shutil.copy2(source, target)
