"""The train stage's engine: sentence-transformers' own trainer, with our loss, validation and checkpoints as parts of it.

Does not resume: a killed run starts again. Checkpoints are model folders; nothing with a date or a path is written.
"""

import math
import os
import shutil
import tempfile
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import torch
from datasets import Dataset
from sentence_transformers import SentenceTransformer, SentenceTransformerTrainer, SentenceTransformerTrainingArguments
from torch import Tensor, nn
from transformers import TrainerCallback, TrainerControl, TrainerState, TrainingArguments
from transformers.trainer_callback import PrinterCallback

from haechi.files import atomic_folder, write_json, write_jsonl
from haechi.models.load import device, save_encoder
from haechi.params.train import TrainParams
from haechi.progress import say
from haechi.records.mined import MinedExample
from haechi.training.examples import Rows, choose_examples, make_rows
from haechi.training.losses import info_nce
from haechi.training.validation import Validation

METRIC = "ndcg@10"


@dataclass(frozen=True)
class Checkpoint:
    """A kept model with its validation score."""

    name: str
    step: int
    score: float


class MaskedInfoNce(nn.Module):
    """Embeds the columns of a batch and hands them to `info_nce` with the mask of the batch's rows."""

    def __init__(self, model: SentenceTransformer, rows: Rows, temperature: float) -> None:
        super().__init__()
        self.model, self._rows, self._temperature = model, rows, temperature

    def forward(self, features: Sequence[dict[str, Tensor]], labels: Tensor) -> Tensor:
        """features: anchor, positive, negatives; labels: (batch,) row numbers."""
        queries, *documents = [self.model(column)["sentence_embedding"] for column in features]
        forbidden = self._rows.forbidden(labels.tolist()).to(queries.device)
        return info_nce(queries, torch.cat(documents), forbidden, self._temperature)


class Watch(TrainerCallback):
    """Validates at evenly spread steps, keeps the best checkpoints, and writes down what happened."""

    def __init__(self, model: SentenceTransformer, validation: Validation, folder: Path, params: TrainParams, steps: int) -> None:
        self._model, self._validation, self._folder, self._params = model, validation, folder, params
        self._at = {max(1, round(steps * (i + 1) / params.evaluations)) for i in range(params.evaluations)}
        self.history: list[dict[str, Any]] = []
        self.kept: list[Checkpoint] = []

    def on_log(self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **kwargs: Any) -> None:
        """Keep loss, rate and gradient norm; times and rates of this machine are left out."""
        logs = kwargs.get("logs") or {}
        row = {name: logs[name] for name in ("loss", "learning_rate", "grad_norm") if name in logs}
        if row:
            self.history.append({"step": state.global_step, **{k: round(float(v), 8) for k, v in row.items()}})

    def on_step_end(self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **kwargs: Any) -> None:
        """Validate if it is time."""
        if state.global_step in self._at:
            self._model.eval()
            metrics = self._validation(self._model)
            self._model.train()
            self.history.append({"step": state.global_step, **{f"valid_{k}": round(v, 6) for k, v in metrics.items()}})
            say(f"train: step {state.global_step}, validation {METRIC} {metrics[METRIC]:.4f}")
            self._keep(Checkpoint(f"step-{state.global_step:06d}", state.global_step, metrics[METRIC]))

    def _keep(self, checkpoint: Checkpoint) -> None:
        ranked = sorted([*self.kept, checkpoint], key=lambda c: (-c.score, c.step))
        if checkpoint in ranked[: self._params.keep]:
            save_encoder(self._model, self._folder / "checkpoints" / checkpoint.name)
        for dropped in ranked[self._params.keep :]:
            if dropped is not checkpoint:
                _remove(self._folder / "checkpoints" / dropped.name)
        self.kept = ranked[: self._params.keep]


def train(
    model: SentenceTransformer,
    examples: Sequence[MinedExample],
    validation: Validation,
    folder: Path,
    params: TrainParams,
) -> dict[str, object]:
    """Tune the model; leaves checkpoints, history.jsonl and training_config.json in the folder, returns the counts."""
    torch.use_deterministic_algorithms(True, warn_only=True)
    chosen = choose_examples(examples, params)
    rows = make_rows(chosen, params.negatives)
    steps = math.ceil(len(rows.documents) / params.batch_size) * params.epochs
    start = validation(model)
    say(f"train: {len(rows.documents)} rows, {steps} steps; validation {METRIC} of the base {start[METRIC]:.4f}")
    with atomic_folder(folder) as temporary, tempfile.TemporaryDirectory() as scratch:
        watch = Watch(model, validation, temporary, params, steps)
        watch.history.append({"step": 0, **{f"valid_{name}": round(value, 6) for name, value in start.items()}})
        model.model_card_data.generate_widget_examples = False  # our card is made elsewhere
        trainer = SentenceTransformerTrainer(
            model=model,
            args=_arguments(params, Path(scratch), steps),
            train_dataset=Dataset.from_dict(rows.columns),
            loss=MaskedInfoNce(model, rows, params.temperature),
            callbacks=[watch],
        )
        trainer.remove_callback(PrinterCallback)
        trainer.train()
        write_jsonl(temporary / "history.jsonl", watch.history)
        config = {
            "params": asdict(params),
            "rows": len(rows.documents),
            "steps": steps,
            "base": start,
            "checkpoints": [asdict(c) for c in watch.kept],
        }
        write_json(temporary / "training_config.json", config)
    return {
        "examples": {"mined": len(examples), "used": len(chosen), "rows": len(rows.documents)},
        "steps": steps,
        "validation": {"base": round(start[METRIC], 6), "best": round(watch.kept[0].score, 6), "metric": METRIC},
    }


def _arguments(params: TrainParams, scratch: Path, steps: int) -> SentenceTransformerTrainingArguments:
    return SentenceTransformerTrainingArguments(
        output_dir=str(scratch),
        num_train_epochs=params.epochs,
        per_device_train_batch_size=params.batch_size,
        learning_rate=params.lr,
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


def _remove(folder: Path) -> None:
    shutil.rmtree(folder)
