"""What can't work together is refused in one sentence before any work."""

import os
from collections.abc import Mapping
from typing import Any

from sentence_transformers import SentenceTransformer
from sentence_transformers.sentence_transformer.modules import StaticEmbedding

from haechi.runtime.errors import HaechiError, ParamsError
from haechi.training.examples import Rows
from haechi.training.lora_params import LoraParams
from haechi.training.loss_params import LossParams
from haechi.training.param_rules import check_recipe, check_static
from haechi.training.params import TrainParams


def check_params(params: TrainParams, loss: LossParams, lora: LoraParams, device: str) -> None:
    """Refuse parameters that contradict each other whatever the model."""
    check_recipe(params, loss, lora)
    if params.precision == "fp16" and device == "cpu":
        raise ParamsError("train: precision fp16 needs a GPU; take bf16 or fp32")


SHARDED = ("ACCELERATE_USE_FSDP", "ACCELERATE_USE_DEEPSPEED")
"""Set by `accelerate launch` where it is told to shard a model, or to offload parts of it."""


def check_launch(environ: Mapping[str, str] = os.environ) -> None:
    """Refuse a launch that cuts weights to pieces: states, guards and monitors read whole ones."""
    for name in SHARDED:
        if environ.get(name, "").lower() in ("1", "true", "yes", "on", "y", "t"):
            raise HaechiError(
                f"train: {name} is set, and sharded or offloaded weights can't be trained here; launch without it, and "
                "take lora.rank, train.freeze, train.gradient_checkpointing, loss.mini_batch or train.precision bf16 where "
                "memory is short"
            )


def starts_again(params: TrainParams, processes: int) -> str:
    """Why a run like this can't go on where it was killed; empty where it can."""
    if params.engine == "flagembedding":
        return "the flagembedding engine can't be resumed: a run that is killed starts again from its first step"
    if processes > 1:
        return f"{processes} processes can't be resumed: a run that is killed starts again from its first step"
    return ""


def check_model(model: SentenceTransformer, params: TrainParams, loss: LossParams, lora: LoraParams) -> None:
    """Refuse what this model can't do."""
    static = isinstance(model[0], StaticEmbedding)
    width = model.get_embedding_dimension() or 0
    if static:
        check_static(params, loss, lora)
    elif params.token_dropout > 0:
        raise ParamsError("train: train.token_dropout is for static models; a transformer has its own dropout")
    if loss.dims and max(loss.dims) > width:
        raise ParamsError(f"train: the model is {width} wide, and loss.dims asks for more")
    if not static:
        _check_length(model)


def check_rows(rows: Rows, params: TrainParams, loss: LossParams) -> None:
    """Refuse examples that the loss can't learn from."""
    if loss.name in ("margin_mse", "kl"):
        alone = int((rows.documents[:, 1:] < 0).all(axis=1).sum())
        if alone == len(rows):
            raise HaechiError(f"train: loss {loss.name} needs mined negatives, and none of the {alone} rows has one")


def _check_length(model: SentenceTransformer) -> None:
    config: Any = getattr(model[0], "config", None)
    positions, reads = getattr(config, "max_position_embeddings", None), model.max_seq_length
    if not positions or not reads:
        return
    if any(kind in getattr(config, "model_type", "") for kind in ("roberta", "camembert", "mpnet")):
        positions -= (config.pad_token_id or 0) + 1  # theirs are counted from behind the padding's
    if reads > positions:
        raise HaechiError(f"model.max_length {reads}: the model has positions for {positions} tokens only")
