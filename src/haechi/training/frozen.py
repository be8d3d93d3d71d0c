"""The first layers of a transformer where nothing in them is trained: each text goes through them once in a run.

What they make of a text is kept in a file, and the layers above take it from there, in training and in validation. They drop
nothing out, and a text goes through alone: so this is a function of the text, and a resumed run meets the same numbers.
"""

import os
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from tempfile import TemporaryFile
from typing import Any

import torch
from sentence_transformers import SentenceTransformer
from sentence_transformers.sentence_transformer.modules import Transformer
from torch import Tensor, nn
from torch.nn.utils.rnn import pad_sequence

from haechi.runtime.progress import say


@contextmanager
def read_once(model: SentenceTransformer) -> Iterator[None]:
    """Within it, a text skips the frozen first layers once it has been through; a GPU computes faster than it would read."""
    number = frozen_layers(model)
    if not number or model.device.type != "cpu":
        yield
        return
    say(f"train: the word table and the first {number} layers are frozen, so each text goes through them once")
    with TemporaryFile(buffering=0) as file:  # has no name, so a run that is killed leaves nothing behind
        lower = _Lower(model, number, file.fileno())
        try:
            yield
        finally:
            lower.undo()


def frozen_layers(model: SentenceTransformer) -> int:
    """How many layers from below learn nothing; 0 where the word table learns, or in a network that is built otherwise."""
    network: Any = model[0].model if isinstance(model[0], Transformer) else None
    table, layers = getattr(network, "embeddings", None), getattr(getattr(network, "encoder", None), "layer", None)
    if not isinstance(table, nn.Module) or not isinstance(layers, nn.ModuleList) or _learns(table):
        return 0
    return next((number for number, layer in enumerate(layers) if _learns(layer)), 0)


def _learns(part: nn.Module) -> bool:
    return any(weight.requires_grad for weight in part.parameters())


class _Lower:
    """The word table and the first layers of a model, which let pass what has been through them."""

    def __init__(self, model: SentenceTransformer, number: int, file: int) -> None:
        network: Any = model[0].model
        self._model, self._file, self._width, self._kind = model, file, int(network.config.hidden_size), network.dtype
        self._parts: list[Any] = [network.embeddings, *network.encoder.layer[:number]]
        self._preprocess = model.preprocess
        self._known: dict[tuple[str, str], tuple[int, int]] = {}  # prompt and text -> where its numbers begin, and its tokens
        self._more: dict[str, dict[str, Any]] = {}
        self._passed = False  # whether what comes in has been through
        dropouts = [module for part in self._parts for module in part.modules() if isinstance(module, nn.Dropout)]
        self._dropouts = [(module, module.p) for module in dropouts]
        for module in dropouts:
            module.p = 0.0
        self._parts[0].forward = self._entrance(self._parts[0].forward)
        for layer in self._parts[1:]:
            layer.forward = self._door(layer.forward)
        model.preprocess = self._features  # type: ignore[method-assign, assignment]

    def undo(self) -> None:
        """The model as it was."""
        for module, share in self._dropouts:
            module.p = share
        for part in (*self._parts, self._model):
            del part.__dict__["preprocess" if part is self._model else "forward"]

    def _entrance(self, ordinary: Callable[..., Tensor]) -> Callable[..., Tensor]:
        def forward(input_ids: Tensor | None = None, inputs_embeds: Tensor | None = None, **more: Any) -> Tensor:
            self._passed = inputs_embeds is not None
            return ordinary(input_ids=input_ids, **more) if inputs_embeds is None else inputs_embeds

        return forward

    def _door(self, ordinary: Callable[..., Tensor]) -> Callable[..., Tensor]:
        return lambda hidden, *rest, **more: hidden if self._passed else ordinary(hidden, *rest, **more)

    def _features(self, inputs: Sequence[str], prompt: str | None = None, **options: Any) -> dict[str, Any]:
        """What the layers above take, in place of tokens."""
        name = prompt or ""
        for text in inputs:
            if (name, text) not in self._known:
                self._add(text, prompt, options)
        hidden = [self._kept(*self._known[name, text]) for text in inputs]
        mask = pad_sequence([torch.ones(len(part), dtype=torch.int64) for part in hidden], batch_first=True)
        return {"inputs_embeds": pad_sequence(hidden, batch_first=True), "attention_mask": mask, **self._more[name]}

    def _add(self, text: str, prompt: str | None, options: dict[str, Any]) -> None:
        made: dict[str, Any] = self._preprocess([text], prompt=prompt, **options)
        ids, name = made["input_ids"], prompt or ""
        with torch.no_grad(), torch.autocast("cpu", enabled=False):
            hidden = self._parts[0](input_ids=ids)
            for layer in self._parts[1:]:
                hidden = layer(hidden)
        at = os.lseek(self._file, 0, os.SEEK_END)
        os.write(self._file, hidden[0].contiguous().view(torch.uint8).numpy().data)
        self._known[name, text] = at, ids.shape[1]
        self._more.setdefault(name, {key: value for key, value in made.items() if not isinstance(value, Tensor)})

    def _kept(self, at: int, tokens: int) -> Tensor:
        read = bytearray(os.pread(self._file, tokens * self._width * self._kind.itemsize, at))
        return torch.frombuffer(read, dtype=self._kind).reshape(tokens, self._width)
