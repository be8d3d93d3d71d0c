"""The callback of a training that validates at evenly spread steps, keeps the best checkpoints, and writes down what happened."""

import math
import os
from collections.abc import Callable, Collection
from pathlib import Path
from typing import Any

import orjson
from torch import nn
from transformers import TrainerCallback, TrainerControl, TrainerState, TrainingArguments

from haechi.guards.history import HistoryRow, read_history, write_history
from haechi.guards.status import Report
from haechi.runtime.progress import say
from haechi.training.average import Average
from haechi.training.params import TrainParams
from haechi.training.retention import Checkpoint, CheckpointStore, Looks
from haechi.training.validation_loss import Validator

METRIC = "ndcg@10"
PROGRESS = "HAECHI_PROGRESS"
"""Names a file in which the agent of a sweep waits for validations."""
HISTORY = "history.jsonl"
AVERAGE = "average"
SAID = 4
"""Validations of which the log tells; `haechi verdict` tells of the last one at any time, the history of all."""


class ValidationCallback(TrainerCallback):
    """Validates at evenly spread steps, keeps the best checkpoints, and writes down what happened.

    `learner` holds every weight that is trained; `measured` gives more figures for a row of the history; `report` is told at
    every validation how far the run is.
    """

    def __init__(
        self,
        validator: Validator,
        checkpoints: CheckpointStore,
        params: TrainParams,
        looks: Looks,
        learner: nn.Module,
        measured: Callable[[], dict[str, float]],
        report: Report,
    ) -> None:
        self._validator, self.checkpoints, self._looks = validator, checkpoints, looks
        self._measured, self._report = measured, report
        self._average = Average(learner, params.ema_decay) if params.ema_decay else None
        self._said = spread(looks.at)
        self.history: list[HistoryRow] = []
        self.ended = False
        """Whether the last look was taken, with steps of the schedule still to come."""

    @property
    def start(self) -> float:
        """Validation of the base."""
        return float(self.history[0].figures[f"valid_{METRIC}"] or 0.0)

    def on_log(self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **kwargs: Any) -> None:
        """Keep loss, rate and gradient norm; times and rates of this machine are left out."""
        logs = kwargs.get("logs") or {}
        row = {name: logs[name] for name in ("loss", "learning_rate", "grad_norm") if name in logs}
        if "loss" in row:
            row |= self._measured()
            if not self._all_skipped(state.global_step):
                finite = {name: round(float(value), 8) for name, value in row.items() if math.isfinite(value)}
                self.history.append(HistoryRow(state.global_step, finite))

    def on_step_end(self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **kwargs: Any) -> None:
        """Let the average follow, and validate if it is time."""
        if self._average:
            self._average.follow(state.global_step)
        if state.global_step in self._looks.at:
            self.validate(state.global_step)
        if state.global_step == self._looks.at[-1] < self._looks.steps:
            self.ended = control.should_training_stop = True

    def on_train_end(self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **kwargs: Any) -> None:
        """Keep the average of the weights as one more checkpoint; it is scored where the model is selected."""
        if self._average and self._average.started:
            with self._average.in_place():
                self.checkpoints.store(AVERAGE)

    def validate(self, step: int) -> None:
        """Score the model as it is, and keep it if it is among the best; before the first step it is only scored."""
        metrics = self._validator(step)
        self.history.append(HistoryRow(step, {f"valid_{k}": round(v, 6) for k, v in metrics.items()}))
        self._report(step, self._looks.steps, round(metrics[METRIC], 6))
        if step in self._said:
            say(f"train: step {step} of {self._looks.steps}, validation {METRIC} {metrics[METRIC]:.4f}")
        _tell_agent(step, metrics)
        if step:
            self.checkpoints.add(Checkpoint(f"step-{step:06d}", step, metrics[METRIC]))

    def _all_skipped(self, step: int) -> bool:
        """Whether every step since the last row of the log was skipped: the trainer would log a loss of nothing."""
        before = max((row.step for row in self.history if "loss" in row.figures), default=0)
        return sum(bool(row.skipped) and row.step > before for row in self.history) == step - before

    def save(self, folder: Path) -> None:
        """Put what is remembered, and the kept checkpoints, into the folder of a state."""
        write_history(folder / HISTORY, self.history)
        if self._average:
            self._average.save(folder)
        self.checkpoints.save(folder)

    def load(self, folder: Path) -> None:
        """Bring it back."""
        self.history = read_history(folder / HISTORY)
        if self._average:
            self._average.load(folder)
        self.checkpoints.load(folder)


def spread(steps: Collection[int], most: int = SAID) -> frozenset[int]:
    """So many of the steps, evenly, the last one among them."""
    at = sorted(steps)
    return frozenset(at[-(-len(at) * part // most) - 1] for part in range(1, most + 1)) if at else frozenset()


def _tell_agent(step: int, metrics: dict[str, float]) -> None:
    if file := os.environ.get(PROGRESS):
        with Path(file).open("ab") as stream:
            stream.write(orjson.dumps({"step": step, "metrics": metrics}, option=orjson.OPT_APPEND_NEWLINE))
