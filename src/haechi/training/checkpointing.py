"""What watches a training: validates at evenly spread steps, keeps the best checkpoints, and writes down what happened."""

import math
import os
import shutil
from collections.abc import Callable, Collection
from pathlib import Path
from typing import Any

import orjson
from sentence_transformers import SentenceTransformer
from torch import nn
from transformers import TrainerCallback, TrainerControl, TrainerState, TrainingArguments

from haechi.models.load import save_encoder
from haechi.runtime.errors import HaechiError
from haechi.runtime.files import linked, read_records, write_jsonl
from haechi.runtime.progress import say
from haechi.scoring.validation import Validation
from haechi.training.adapters import merged
from haechi.training.average import Average
from haechi.training.memory import MiniBatch, retried
from haechi.training.params import TrainParams
from haechi.training.retention import Checkpoint, protected, retained, validated_at

METRIC = "ndcg@10"
PROGRESS = "HAECHI_PROGRESS"
"""Names a file in which the agent of a sweep waits for validations."""
HISTORY, KEPT = "history.jsonl", "kept.jsonl"
AVERAGE = "average"
SAID = 4
"""Validations of which the log tells; `haechi verdict` tells of the last one at any time, the history of all."""


class Watch(TrainerCallback):
    """Validates at evenly spread steps, keeps the best checkpoints, and writes down what happened.

    The newest checkpoint is kept beside the best ones, so that the last one is there wherever training ends.
    `also` saves beside a checkpoint what the model itself doesn't save; `measured` gives more figures for a row of the history;
    `learns` holds every weight that is trained, where the model alone doesn't. `valid_loss` gives the loss of held-out examples,
    and `mini_batch` what it embeds at once; `report` is told at every validation how far the run is.
    """

    def __init__(
        self,
        model: SentenceTransformer,
        validation: Validation,
        folder: Path,
        params: TrainParams,
        steps: int,
        *,
        also: Callable[[Path], None] = lambda folder: None,
        measured: Callable[[], dict[str, float]] = dict,
        learns: nn.Module | None = None,
        valid_loss: Callable[[], float] | None = None,
        mini_batch: MiniBatch | None = None,
        report: Callable[[dict[str, Any]], None] = lambda facts: None,
    ) -> None:
        self._model, self._validation, self._folder, self._keeps = model, validation, folder, params.keep
        self._also, self._measured = also, measured
        self._average = Average(learns or model, params.ema_decay) if params.ema_decay else None
        self._valid_loss, self._mini_batch, self._report, self._steps = valid_loss, mini_batch, report, steps
        self._at = validated_at(steps, params)
        self._told = spread(self._at)
        self._safe = protected(self._at, params)
        self.history: list[dict[str, Any]] = []
        self.kept: list[Checkpoint] = []
        """The best first; the newest and what is protected are among them, or stand behind them."""

    @property
    def start(self) -> float:
        """Validation of the base."""
        return float(self.history[0][f"valid_{METRIC}"])

    def on_log(self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **kwargs: Any) -> None:
        """Keep loss, rate and gradient norm; times and rates of this machine are left out."""
        logs = kwargs.get("logs") or {}
        row = {name: logs[name] for name in ("loss", "learning_rate", "grad_norm") if name in logs}
        if "loss" in row:
            row |= self._measured()
            if not self._all_skipped(state.global_step):
                finite = {name: round(float(value), 8) for name, value in row.items() if math.isfinite(value)}
                self.history.append({"step": state.global_step, **finite})

    def on_step_end(self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **kwargs: Any) -> None:
        """Let the average follow, and validate if it is time."""
        if self._average:
            self._average.follow(state.global_step)
        if state.global_step in self._at:
            self.validate(state.global_step)

    def on_train_end(self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **kwargs: Any) -> None:
        """Keep the average of the weights as one more checkpoint; it is scored where the model is selected."""
        if self._average and self._average.started:
            with self._average.in_place():
                self._store(AVERAGE)

    def validate(self, step: int) -> None:
        """Score the model as it is, and keep it if it is among the best; before the first step it is only scored."""
        learning = self._model.training
        self._model.eval()
        metrics = retried(lambda: self._validation(self._model), lambda: self._shrink_validation(step))
        if self._valid_loss:
            metrics = {"loss": retried(self._valid_loss, lambda: self._shrink_batch(step)), **metrics}
        self._model.train(learning)
        self.history.append({"step": step, **{f"valid_{k}": round(v, 6) for k, v in metrics.items()}})
        self._report({"step": step, "steps": self._steps, METRIC: round(metrics[METRIC], 6)})
        if step in self._told:
            say(f"train: step {step} of {self._steps}, validation {METRIC} {metrics[METRIC]:.4f}")
        _tell_agent(step, metrics)
        if step:
            self._keep(Checkpoint(f"step-{step:06d}", step, metrics[METRIC]))

    def _all_skipped(self, step: int) -> bool:
        """Whether every step since the last row of the log was skipped: the trainer would log a loss of nothing."""
        before = max((row["step"] for row in self.history if "loss" in row), default=0)
        return bool(sum("skipped" in row and row["step"] > before for row in self.history) == step - before)

    def _shrink_validation(self, step: int) -> None:
        self._validation.shrink(step)
        if self._mini_batch:
            self._mini_batch.events.append({"step": step, "where": "evaluation"})

    def _shrink_batch(self, step: int) -> None:
        if self._mini_batch is None:
            raise HaechiError(f"train: out of memory in evaluation at step {step}; lower train.batch_size")
        self._mini_batch.shrink("evaluation", step)

    def _keep(self, checkpoint: Checkpoint) -> None:
        before = [*self.kept, checkpoint]
        self._store(checkpoint.name)
        self.kept = retained(before, self._keeps, self._safe)
        for dropped in before:
            if dropped not in self.kept:
                shutil.rmtree(self._folder / "checkpoints" / dropped.name)

    def _store(self, name: str) -> None:
        place = self._folder / "checkpoints" / name
        save_encoder(merged(self._model), place)
        self._also(place)

    def save(self, folder: Path) -> None:
        """Put what is remembered, and the kept checkpoints, into the folder of a state."""
        write_jsonl(folder / HISTORY, self.history)  # not into one JSON file, whose keys would be sorted
        write_jsonl(folder / KEPT, self.kept)
        if self._average:
            self._average.save(folder)
        if (self._folder / "checkpoints").is_dir():
            shutil.copytree(self._folder / "checkpoints", folder / "checkpoints", copy_function=linked)

    def load(self, folder: Path) -> None:
        """Bring it back."""
        self.history = list(read_records(folder / HISTORY, dict))
        self.kept = list(read_records(folder / KEPT, Checkpoint))
        if self._average:
            self._average.load(folder)
        if (folder / "checkpoints").is_dir():
            shutil.copytree(folder / "checkpoints", self._folder / "checkpoints", copy_function=linked)


def spread(steps: Collection[int], most: int = SAID) -> frozenset[int]:
    """So many of the steps, evenly, the last one among them."""
    at = sorted(steps)
    return frozenset(at[-(-len(at) * part // most) - 1] for part in range(1, most + 1)) if at else frozenset()


def _tell_agent(step: int, metrics: dict[str, float]) -> None:
    if told := os.environ.get(PROGRESS):
        with Path(told).open("ab") as stream:
            stream.write(orjson.dumps({"step": step, "metrics": metrics}, option=orjson.OPT_APPEND_NEWLINE))
