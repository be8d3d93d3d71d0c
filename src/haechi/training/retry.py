"""What both engines' trainers share within a step.

Memory that runs out is met with a smaller mini-batch; and callbacks can learn the gradient norm before clipping, the losses
and the batch of a step.

A step may consist of several batches whose gradients are summed up. An attempt that fails half way leaves gradients behind
that are too large or too small, so all batches of the step are done again, from the random numbers that the step began with.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

import torch
from torch import Tensor, nn

from haechi.runtime.errors import HaechiError
from haechi.training.memory import MiniBatch, free, out_of_memory


class Counts(Protocol):
    """Something that is counted while a step is made."""

    def begin(self) -> None:
        """A step begins."""

    def redo(self) -> None:
        """It is made again."""


@dataclass
class StepRecord:
    """What the step that is being made has shown so far: the trainer writes it, callbacks read it."""

    batches: list[dict[str, Any]] = field(default_factory=list)
    losses: list[Tensor] = field(default_factory=list)
    """Of its batches."""
    norm: float | None = None
    """Of its gradients, before clipping."""


class Retry:
    """To stand before a Hugging Face trainer among the bases of a class.

    `counts` is who counts something in a step, and forgets it when the step is made again.
    """

    def __init__(
        self, *args: Any, record: StepRecord, mini_batch: MiniBatch, counts: Counts | None = None, **kwargs: Any
    ) -> None:
        self.record, self._mini_batch, self._counts = record, mini_batch, counts
        self._random: tuple[Tensor, list[Tensor]] | None = None
        self._complete = True
        self._where = "forward"
        super().__init__(*args, **kwargs)

    def training_step(self, model: nn.Module, inputs: dict[str, Any], num_items_in_batch: Any = None) -> Tensor:
        """One batch forward and backward; if memory runs out, all batches of the step again in smaller groups."""
        if self._complete:
            self.record.batches, self.record.losses = [], []
            self._random = _random_state()
            if self._counts:
                self._counts.begin()
        self._complete = bool(self.accelerator.gradient_state.sync_gradients)  # type: ignore[attr-defined]
        self.record.batches.append(dict(inputs))
        loss = self._attempt([self.record.batches[-1]], model, num_items_in_batch)
        while loss is None:
            self._shrink()
            model.zero_grad()
            if self._counts:
                self._counts.redo()
            self.record.losses = []
            _restore(self._random)
            loss = self._attempt(self.record.batches, model, num_items_in_batch)
        return loss

    def compute_loss(self, *args: Any, **kwargs: Any) -> Any:
        """What comes after it is the backward pass."""
        self._where = "forward"
        loss = super().compute_loss(*args, **kwargs)  # type: ignore[misc]
        self._where = "backward"
        return loss

    def _clip_grad_norm(self, model: nn.Module) -> Any:
        """Remember the norm."""
        norm = super()._clip_grad_norm(model)  # type: ignore[misc]
        self.record.norm = float(norm)
        return norm

    def _attempt(self, batches: Sequence[dict[str, Any]], model: nn.Module, number: Any) -> Tensor | None:
        """The loss of the last batch; None where memory ran out. The error is gone, and its frames with it, on return."""
        loss: Tensor | None = None
        try:
            for inputs in batches:
                loss = super().training_step(model, dict(inputs), number)  # type: ignore[misc]
                self.record.losses.append(loss.detach())
        except Exception as error:
            if not out_of_memory(error):
                raise
            loss = None
        return loss

    def _shrink(self) -> None:
        free()
        step = int(self.state.global_step) + 1  # type: ignore[attr-defined]
        if self.args.world_size > 1:  # type: ignore[attr-defined]
            raise HaechiError(
                f"train: out of memory in {self._where} at step {step}; several processes can't agree on trying again, "
                "so set loss.mini_batch"
            )
        self._mini_batch.shrink(self._where, step)


def _random_state() -> tuple[Tensor, list[Tensor]]:
    return torch.get_rng_state(), torch.cuda.get_rng_state_all() if torch.cuda.is_available() else []


def _restore(state: tuple[Tensor, list[Tensor]] | None) -> None:
    if state:
        torch.set_rng_state(state[0])
        if state[1]:
            torch.cuda.set_rng_state_all(state[1])
