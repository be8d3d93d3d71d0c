"""The exponential average of the weights along the training: a model of its own, that no single step has."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import torch
from safetensors.torch import load_file, save_file
from torch import Tensor, nn

FILE = "average.safetensors"


class Average:
    """Follows the weights that are trained, in 32 bits whatever they have; it takes the memory of one more model.

    One that reaches far back is moved every few steps only: of a large table each move costs, and the steps between change
    hardly anything. The decay of a move rises with the moves, so that a short run's average isn't its first weights; it depends
    on the step alone, and so a resumed run averages as an undisturbed one.
    """

    def __init__(self, model: nn.Module, decay: float) -> None:
        self._model, self._every = model, _stride(decay)
        self._decay = decay**self._every
        self._mean: dict[str, Tensor] = {}

    @property
    def started(self) -> bool:
        """Whether it has been moved; not in a run that ends before its first move."""
        return bool(self._mean)

    def follow(self, step: int) -> None:
        """Take in the weights as they are after this step, the first being 1, if it is one of those that move the average."""
        if step % self._every:
            return
        moves = step // self._every
        decay = min(self._decay, (1 + moves) / (10 + moves))
        weights = self._weights()
        if not self._mean:
            self._mean = {name: weight.detach().float().clone() for name, weight in weights.items()}
            return
        with torch.no_grad():
            torch._foreach_lerp_(list(self._mean.values()), [w.detach().float() for w in weights.values()], 1.0 - decay)

    @contextmanager
    def in_place(self) -> Iterator[None]:
        """The model has the averaged weights within the block, and its own again after it; nothing is copied."""
        weights = self._weights()
        own = {name: weight.data for name, weight in weights.items()}
        for name, weight in weights.items():
            weight.data = self._mean[name].to(weight.dtype)
        try:
            yield
        finally:
            for name, weight in weights.items():
                weight.data = own[name]

    def save(self, folder: Path) -> None:
        """Put it into the folder of a state."""
        if self._mean:
            save_file({name: mean.cpu().contiguous() for name, mean in self._mean.items()}, folder / FILE)

    def load(self, folder: Path) -> None:
        """Bring it back."""
        if (folder / FILE).is_file():
            saved, weights = load_file(folder / FILE), self._weights()
            self._mean = {name: saved[name].to(weight.device) for name, weight in weights.items()}

    def _weights(self) -> dict[str, nn.Parameter]:
        return {name: weight for name, weight in self._model.named_parameters() if weight.requires_grad}


def _stride(decay: float) -> int:
    """Every so many steps: at most twenty, and a fifth of the steps that the average reaches back."""
    reach = 1.0 / (1.0 - decay) if decay < 1.0 else float("inf")
    return max(1, round(min(20.0, reach / 5)))
