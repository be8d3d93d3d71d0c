"""A whole encoder as one graph, from token ids to the vectors that `encode` gives, and a tokenizer that makes such ids.

A static table gets the same form as a transformer, ids in rows with a mask, so whoever serves the one can serve the other.
Computed in single precision on the CPU, whatever the weights were saved in.
"""

import logging
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import orjson
from tokenizers import Tokenizer

from haechi.runtime.errors import HaechiError

if TYPE_CHECKING:
    import torch
    from sentence_transformers import SentenceTransformer

TOKENS, VECTOR = "last_hidden_state", "sentence_embedding"
"""The outputs: sentence-transformers takes the tokens and does the rest itself; everybody else takes the vector."""


@dataclass(frozen=True)
class Graph:
    """What every format is written from."""

    program: "torch.export.ExportedProgram"
    inputs: tuple[str, ...]
    outputs: tuple[str, ...]
    tokenizer: Tokenizer
    """Cuts and pads as the model wants; it knows all, but for the prompts."""


def trace(model: "SentenceTransformer") -> Graph:
    """The graph of a model, for any number of texts of any length."""
    import torch
    from sentence_transformers.base.modules import Transformer
    from sentence_transformers.sentence_transformer.modules import StaticEmbedding

    model = model.cpu().float().eval()
    first, *rest = model
    if isinstance(first, StaticEmbedding):
        inputs: tuple[str, ...] = ("input_ids", "attention_mask")
        outputs: tuple[str, ...] = (VECTOR,)
        parts, tokenizer = [_mean_of_pieces(first), *rest], _static_tokenizer(first.tokenizer)
    elif isinstance(first, Transformer) and hasattr(model.tokenizer, "backend_tokenizer"):
        first.query_length = None  # a tokenizer's file knows one length
        features = model.preprocess(["a"])
        inputs = tuple(key for key, value in features.items() if isinstance(value, torch.Tensor))
        outputs = (TOKENS, VECTOR)
        parts, tokenizer = list(model), _tokenizer(model.tokenizer, model.max_seq_length)
    else:
        raise HaechiError(
            "select.export: only static tables and transformers with a fast tokenizer can be exported, and this model "
            f"begins with {type(first).__name__}; set it to []"
        )
    whole = _in_one(parts, inputs, outputs, model.truncate_dim)
    example = tuple(torch.ones(3, 8, dtype=torch.int64) for _ in inputs)
    any_shape = {0: torch.export.Dim.DYNAMIC, 1: torch.export.Dim.DYNAMIC}
    try:
        with torch.inference_mode(), quiet():
            program = torch.export.export(whole, example, dynamic_shapes=((any_shape,) * len(inputs),))
    except Exception as error:  # the tracer raises many kinds, and any of them means the same here
        line = (str(error).strip().splitlines() or [""])[0][:200]
        raise HaechiError(f"select.export: this model can't be traced ({type(error).__name__}: {line}); set it to []") from error
    return Graph(program, inputs, outputs, tokenizer)


@contextmanager
def quiet() -> Iterator[None]:
    """Without what torch's exporter says of its own insides."""
    exporter = logging.getLogger("torch.onnx")
    before = exporter.level
    exporter.setLevel(logging.ERROR)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", FutureWarning)
            yield
    finally:
        exporter.setLevel(before)


def _in_one(parts: list[Any], inputs: tuple[str, ...], outputs: tuple[str, ...], width: int | None) -> "torch.nn.Module":
    """The modules in a row, as a function of tensors."""
    import torch

    class InOne(torch.nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.parts = torch.nn.ModuleList(parts)

        def forward(self, *given: "torch.Tensor") -> tuple["torch.Tensor", ...]:
            features = dict(zip(inputs, given, strict=True))
            for part in self.parts:
                features = part(features)
            vector = features[VECTOR][:, :width]
            return (features["token_embeddings"], vector) if TOKENS in outputs else (vector,)

    return InOne().eval()


def _mean_of_pieces(module: Any) -> "torch.nn.Module":
    """What StaticEmbedding computes of ids laid end to end, of ids in rows."""
    import torch

    class MeanOfPieces(torch.nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.weight = module.embedding.weight

        def forward(self, features: dict[str, "torch.Tensor"]) -> dict[str, "torch.Tensor"]:
            mask = features["attention_mask"].to(self.weight.dtype)
            total = (mask.unsqueeze(1) @ torch.nn.functional.embedding(features["input_ids"], self.weight)).squeeze(1)
            return {**features, VECTOR: total / mask.sum(1, keepdim=True).clamp(min=1)}

    return MeanOfPieces()


def _static_tokenizer(words: Tokenizer) -> Tokenizer:
    """A static table's, which reads no special tokens."""
    made = Tokenizer.from_str(orjson.dumps(orjson.loads(words.to_str()) | {"post_processor": None}).decode())
    made.enable_padding()
    return made


def _tokenizer(words: Any, length: int | None) -> Tokenizer:
    """A transformer's, as its model pads and cuts."""
    made = Tokenizer.from_str(words.backend_tokenizer.to_str())
    made.enable_padding(
        direction=words.padding_side,
        pad_id=words.pad_token_id or 0,
        pad_token=words.pad_token or "",
        pad_type_id=words.pad_token_type_id,
    )
    if length:
        made.enable_truncation(length, direction=words.truncation_side)
    return made
