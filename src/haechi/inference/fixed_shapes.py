"""Runs a model in fixed shapes only, so that the bits of a row never depend on the rows beside it.

The same text in a batch of another shape differs in its last bits: other kernels, other orders of summing. So a text is
padded to a length that depends on nothing but its own, and goes through in a batch of as many rows as belong to that length,
filled up with copies. Gives up a few percent of the work to padding, and more where there is little to do.
"""

from collections.abc import Iterator, Sequence
from contextlib import nullcontext
from typing import TYPE_CHECKING, Any, Literal, NamedTuple

import numpy as np
import numpy.typing as npt

if TYPE_CHECKING:
    from sentence_transformers import CrossEncoder, SentenceTransformer

    from haechi.inference.openvino import Network
    from haechi.models.tokenize import Reader

    Model = SentenceTransformer | CrossEncoder

Precision = Literal["fp32", "bf16", "fp16"]
Floats = npt.NDArray[np.float32]

VERSION = 1
"""Part of every key under which a value made here is stored: raised whenever the shapes change."""
STEP = 8  # tokens; a batch of a multiple of 8 rows x tokens has no odd rows at its end, which would take another kernel
PLAIN_ROWS = 64  # of models that take no padding (static tables)


class Shape(NamedTuple):
    """The batch that a text belongs in."""

    length: int
    """Tokens, with padding."""
    full: bool
    """Whether its rows need no padding at all: attention without a mask takes another kernel, so they stay apart."""


def shape_of(tokens: int, limit: int) -> Shape:
    """The shape of a text of that many tokens, for a model that reads `limit`: at most about 6 % longer beyond 256."""
    if tokens >= limit:
        return Shape(limit, True)
    step = max(STEP, (1 << tokens.bit_length()) // 32)
    return Shape(min((tokens // step + 1) * step, limit), False)


def rows_of(length: int, device: str) -> int:
    """Rows of a batch of that length: a power of two, as many as keep the device busy and no more."""
    tokens, most = (65_536, 512) if device == "cuda" else (2_048, 32)
    rows = max(1, min(tokens // length, most))
    rows = 1 << (rows.bit_length() - 1)
    return rows if length % STEP == 0 else max(rows, STEP)


def run(  # wide: what encoders (prompt, task) and rerankers (network, read) need beside the model
    model: "Model",
    inputs: Sequence[str] | Sequence[tuple[str, str]],
    output: Literal["sentence_embedding", "scores"],
    precision: Precision = "fp32",
    prompt: str | None = None,
    task: str | None = None,
    network: "Network | None" = None,
    read: "Reader | None" = None,
) -> Floats:
    """What the model says of each text or pair, in order.  # (inputs, width)

    Inputs come in order of length; they are tokenised at once. `network` computes in place of the model; `read` is a reader
    that remembers what it read before.
    """
    import torch

    from haechi.models.tokenize import Reader

    if not inputs:
        return np.zeros((0, 0), np.float32)
    read = read or Reader(model)
    device = model.device.type
    casting = nullcontext() if precision == "fp32" else torch.autocast(device, getattr(torch, _TORCH_NAMES[precision]))
    found: dict[int, Floats] = {}
    model.eval()
    with torch.inference_mode(), casting:
        for places, features in _batches(model, read, list(inputs), {"prompt": prompt, **({"task": task} if task else {})}):
            moved = {key: value.to(model.device) if hasattr(value, "to") else value for key, value in features.items()}
            made = (network or model)(moved, **({"task": task} if task else {}))[output].float().cpu().numpy()
            found.update(zip(places, made, strict=False))  # the rows beyond the last place are copies
    return np.stack([np.atleast_1d(found[place]) for place in range(len(inputs))])


_LONGEST = 1 << 20
_TORCH_NAMES = {"bf16": "bfloat16", "fp16": "float16"}


def _batches(
    model: "Model", read: "Reader", inputs: list[Any], options: dict[str, Any]
) -> Iterator[tuple[list[int], dict[str, Any]]]:
    if "attention_mask" not in read(inputs[:1], **options):  # a static table reads the texts end to end
        for start in range(0, len(inputs), PLAIN_ROWS):
            chunk = inputs[start : start + PLAIN_ROWS]
            filled = chunk + chunk[:1] * (PLAIN_ROWS - len(chunk))
            yield list(range(start, start + len(chunk))), read(filled, **options)
        return
    features = read(inputs, **options)
    limit = int(min(model.max_seq_length or _LONGEST, _LONGEST))
    by_shape: dict[Shape, list[int]] = {}
    for place, tokens in enumerate(features["attention_mask"].sum(dim=1).tolist()):
        by_shape.setdefault(shape_of(tokens, limit), []).append(place)
    for shape in sorted(by_shape):
        places, rows = by_shape[shape], rows_of(shape.length, model.device.type)
        for start in range(0, len(places), rows):
            chunk = places[start : start + rows]
            yield chunk, _padded(model, features, chunk + chunk[:1] * (rows - len(chunk)), shape.length)


def _padded(model: "Model", features: dict[str, Any], rows: list[int], length: int) -> dict[str, Any]:
    """Those rows of tokenised inputs, cut or padded to one length."""
    import torch

    tokenizer = model.tokenizer
    left = tokenizer.padding_side == "left"
    width = features["attention_mask"].shape[1]
    fill = {"input_ids": tokenizer.pad_token_id or 0, "token_type_ids": getattr(tokenizer, "pad_token_type_id", 0)}
    made: dict[str, Any] = {}
    for key, value in features.items():
        if not isinstance(value, torch.Tensor) or value.shape[:2] != features["attention_mask"].shape:
            made[key] = value
            continue
        value = value[rows]
        if width >= length:
            made[key] = value[:, width - length :] if left else value[:, :length]
        else:
            gap = (length - width, 0) if left else (0, length - width)
            made[key] = torch.nn.functional.pad(value, gap, value=fill.get(key, 0))
    return made
