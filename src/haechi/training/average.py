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

    The decay rises with the steps, so that a short run's average isn't its first weights; it depends on the step alone, and so
    a resumed run averages as an undisturbed one.
    """

    def __init__(self, model: nn.Module, decay: float) -> None:
        self._model, self._decay = model, decay
        self._mean: dict[str, Tensor] = {}

    @property
    def started(self) -> bool:
        """Whether a step has been made."""
        return bool(self._mean)

    def follow(self, step: int) -> None:
        """Take in the weights as they are after this step, the first being 1; once they count for little, not after each."""
        decay = min(self._decay, (1 + step) / (10 + step))
        stride = _stride(decay)
        if step % stride and self._mean:
            return
        weights = self._weights()
        if not self._mean:
            self._mean = {name: weight.detach().float().clone() for name, weight in weights.items()}
            return
        with torch.no_grad():
            torch._foreach_lerp_(list(self._mean.values()), [w.detach().float() for w in weights.values()], 1.0 - decay**stride)

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
            found, weights = load_file(folder / FILE), self._weights()
            self._mean = {name: found[name].to(weight.device) for name, weight in weights.items()}

    def _weights(self) -> dict[str, nn.Parameter]:
        return {name: weight for name, weight in self._model.named_parameters() if weight.requires_grad}


def _stride(decay: float) -> int:
    """Every so many steps, a power of two, so that longer strides go on where shorter ones end.

    At most a fifth of the steps that the average reaches back: that hardly changes it, and of a large table each step costs.
    """
    reach = 1.0 / (1.0 - decay) if decay < 1.0 else float("inf")
    return next(stride for stride in (8, 4, 2, 1) if stride <= max(1.0, reach / 5))
