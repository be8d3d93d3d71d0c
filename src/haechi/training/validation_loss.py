"""The training loss on examples that are not trained on, always in the same batches: the validation loss."""

from collections.abc import Sequence

import numpy as np
import torch

from haechi.records.mined import MinedExample
from haechi.runtime.errors import HaechiError
from haechi.runtime.progress import say
from haechi.scoring.validation import Validation
from haechi.training.checks import check_rows
from haechi.training.examples import Rows, make_rows
from haechi.training.objective import Objective
from haechi.training.params import TrainParams
from haechi.training.recipe import Recipe

MOST = 2_048
"""Rows that are measured; the first ones, so that every validation sees the same."""


class HeldOut:
    """The mean loss over the rows of an objective of their own."""

    def __init__(self, objective: Objective, params: TrainParams) -> None:
        self.objective = objective
        number = min(MOST, len(objective.rows))
        self._batches = [torch.from_numpy(part) for part in np.array_split(np.arange(number), -(-number // params.batch_size))]

    def __call__(self) -> float:
        """As the model is now, nothing dropped and nothing learned."""
        self.objective.eval()
        with torch.no_grad():
            losses = [float(self.objective([], batch)) * len(batch) for batch in self._batches]
        self.objective.measured()  # it is not the run's
        return sum(losses) / sum(map(len, self._batches))


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


def logged(recipe: Recipe, validation: Validation, held_out: bool) -> list[str]:
    """The names that the rows of the history will hold."""
    step = ["loss", "grad_norm"]
    if recipe.loss.name == "triplet" and recipe.params.engine == "sentence-transformers":
        step.append("active_triplets")
    return [*step, *(["valid_loss"] if held_out else []), *(f"valid_{name}" for name in validation.metrics)]
