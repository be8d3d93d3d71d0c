"""What a validation measures: the metrics of retrieval, and the training loss on examples that are not trained on."""

from collections.abc import Sequence
from typing import Any, Protocol

import numpy as np
import torch
from sentence_transformers.base.model import BaseModel
from torch import Tensor

from haechi.records.mined import MinedExample
from haechi.runtime.errors import HaechiError
from haechi.runtime.progress import say
from haechi.training.checks import check_rows
from haechi.training.examples import Rows, make_rows
from haechi.training.memory import MiniBatch, retried
from haechi.training.params import TrainParams
from haechi.training.recipe import Recipe

MOST = 2_048
"""Rows that are measured; the first ones, so that every validation sees the same."""


class Validates(Protocol):
    """Scores a model on held-out queries."""

    @property
    def metrics(self) -> Sequence[str]:
        """The names of what is measured."""

    def __call__(self, model: Any) -> dict[str, float]:
        """Metric -> value."""

    def shrink(self, step: int) -> None:
        """Do less at once from now on, since memory ran out; an error where that is not possible."""


class Measurable(Protocol):
    """A loss over rows."""

    @property
    def rows(self) -> Rows:
        """Its rows."""

    def eval(self) -> Any:
        """Drop nothing from now on."""

    def __call__(self, features: Sequence[Any], labels: Tensor) -> Tensor:
        """The loss of these rows."""

    def measured(self) -> dict[str, float]:
        """What it has counted, which is forgotten."""


class ValidationLoss:
    """The mean loss over the rows of an objective of their own, always in the same batches."""

    def __init__(self, objective: Measurable, params: TrainParams) -> None:
        self.objective: Any = objective
        number = min(MOST, len(objective.rows))
        self._batches = [torch.from_numpy(part) for part in np.array_split(np.arange(number), -(-number // params.batch_size))]

    def __call__(self) -> float:
        """As the model is now, nothing dropped and nothing learned."""
        self.objective.eval()
        with torch.no_grad():
            losses = [float(self.objective([], batch)) * len(batch) for batch in self._batches]
        self.objective.measured()  # it is not the run's
        return sum(losses) / sum(map(len, self._batches))


class Validator:
    """Scores the model as it is; in smaller parts where memory runs out, which `mini_batch` is told."""

    def __init__(self, model: BaseModel, validation: Validates, loss: ValidationLoss | None, mini_batch: MiniBatch) -> None:
        self._model, self._validation, self._loss, self._mini_batch = model, validation, loss, mini_batch

    def __call__(self, step: int) -> dict[str, float]:
        """Metric -> value, the validation loss first where there is one."""
        learning = self._model.training
        self._model.eval()
        metrics = retried(lambda: self._validation(self._model), lambda: self._shrink_validation(step))
        if self._loss:
            metrics = {"loss": retried(self._loss, lambda: self._mini_batch.shrink("evaluation", step)), **metrics}
        self._model.train(learning)
        return metrics

    def _shrink_validation(self, step: int) -> None:
        self._validation.shrink(step)
        self._mini_batch.events.append({"step": step, "where": "evaluation"})


def rows_of_held_out(examples: Sequence[MinedExample], recipe: Recipe) -> Rows | None:
    """Examples for the validation loss as rows; none where the loss can't be measured on them."""
    if not examples:
        return None
    rows = make_rows(examples, recipe.params.negatives)
    try:
        check_rows(rows, recipe.params, recipe.loss)
    except HaechiError as error:
        say(f"train: no validation loss ({error})")
        return None
    return rows


def logged(recipe: Recipe, validation: Validates, held_out: bool) -> list[str]:
    """The names that the rows of the history will hold."""
    step = ["loss", "grad_norm"]
    if recipe.loss.name == "triplet" and recipe.params.engine == "sentence-transformers":
        step.append("active_triplets")
    return [*step, *(["valid_loss"] if held_out else []), *(f"valid_{name}" for name in validation.metrics)]
