"""What can't work together is refused in one sentence before any work."""

import os
from collections.abc import Mapping
from typing import Any

from sentence_transformers import SentenceTransformer
from sentence_transformers.sentence_transformer.modules import StaticEmbedding

from haechi.errors import HaechiError, ParamsError
from haechi.params.lora import LoraParams
from haechi.params.loss import LossParams
from haechi.params.train import TrainParams
from haechi.training.examples import Rows


def check_params(params: TrainParams, loss: LossParams, lora: LoraParams, device: str) -> None:
    """Refuse parameters that contradict each other whatever the model."""
    refusals = {
        f"loss {loss.name} needs mined negatives; raise train.negatives above 0": loss.name in ("margin_mse", "kl")
        and not params.negatives,
        "loss.margin must be above 0 for triplets": loss.name == "triplet" and not loss.margin,
        f"loss {loss.name} follows the scores of the mined file, which new negatives don't have; set train.refresh_every to 0": (
            loss.name in ("margin_mse", "kl") and params.refresh_every > 0
        ),
        f"loss {loss.name} learns from mined negatives alone; set train.hard_negative_ratio to 1": (
            loss.name in ("margin_mse", "kl") and params.hard_negative_ratio < 1.0
        ),
        "train.hard_negative_ratio below 1 leaves out mined negatives, and none are used; raise train.negatives above 0": (
            params.hard_negative_ratio < 1.0 and not params.negatives
        ),
        "loss.guide is read by the guided loss alone": bool(loss.guide) and loss.name != "guided",
        "train.refresh_every needs negatives to refresh; raise train.negatives above 0": params.refresh_every > 0
        and not params.negatives,
        "precision fp16 needs a GPU; take bf16 or fp32": params.precision == "fp16" and device == "cpu",
        "train.token_dropout must be below 1": params.token_dropout >= 1.0,
        "sampler `classes` fills batches with rows of one article, which infonce masks; take loss triplet or another sampler": (
            params.sampler == "classes" and loss.name != "triplet"
        ),
        "every source has weight 0 (train.weights)": bool(params.weights) and not any(params.weights.values()),
        "train.keep_last with lora.rank: adapters are merged into what is kept, so their optimizer's memory fits nothing": (
            params.keep_last and lora.rank > 0
        ),
        "train.resume_from with lora.rank: an optimizer's memory of whole weights fits no adapters": (
            bool(params.resume_from) and lora.rank > 0
        ),
        "train.freeze with lora.rank: adapters freeze everything else already": bool(params.freeze) and lora.rank > 0,
    }
    if params.engine == "flagembedding":
        refusals |= {
            "the flagembedding engine has its own loss; take infonce or, to follow the scores of the mined file, kl": (
                loss.name not in ("infonce", "kl") or bool(loss.mini_batch) or bool(loss.dims)
            ),
            "the flagembedding engine can't go on from an earlier run (its resume fails); leave train.resume_from empty": (
                bool(params.resume_from) or params.keep_last
            ),
            "the flagembedding engine mines no negatives anew; set train.refresh_every to 0": params.refresh_every > 0,
            "the flagembedding engine knows no adapters, samplers, weights, curriculum, freezing or token dropout": (
                lora.rank > 0
                or params.sampler != "shuffled"
                or bool(params.weights)
                or bool(params.curriculum)
                or bool(params.freeze)
                or params.token_dropout > 0
            ),
            "the flagembedding engine gives every example its mined negatives; set train.hard_negative_ratio to 1": (
                params.hard_negative_ratio < 1.0
            ),
            "the flagembedding engine needs mined negatives; raise train.negatives above 0": not params.negatives,
        }
    for sentence, found in refusals.items():
        if found:
            raise ParamsError(f"train: {sentence}")


SHARDED = ("ACCELERATE_USE_FSDP", "ACCELERATE_USE_DEEPSPEED")
"""Set by `accelerate launch` where it is told to shard a model, or to offload parts of it."""


def check_launch(environ: Mapping[str, str] = os.environ) -> None:
    """Refuse a launch that cuts weights to pieces: states, guards and monitors read whole ones."""
    for name in SHARDED:
        if environ.get(name, "").lower() in ("1", "true", "yes", "on", "y", "t"):
            raise HaechiError(
                f"train: {name} is set, and sharded or offloaded weights can't be trained here; launch without it, and take "
                "lora.rank, train.freeze, train.checkpointing, loss.mini_batch or train.precision bf16 where memory is short"
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
    refusals = {
        "a static model has no activations to save; set loss.mini_batch to 0": static and loss.mini_batch > 0,
        "a static model has no activations to save; set train.checkpointing to false": static and params.checkpointing,
        "a static model has no layers for adapters; set lora.rank to 0": static and lora.rank > 0,
        "train.token_dropout is for static models; a transformer has its own dropout": not static and params.token_dropout > 0,
        f"the model is {width} wide, and loss.dims asks for more": bool(loss.dims) and max(loss.dims) > width,
        "loss.dims must be above 0": 0 in loss.dims,
    }
    for sentence, found in refusals.items():
        if found:
            raise ParamsError(f"train: {sentence}")
    if not static:
        _check_length(model)


def check_rows(rows: Rows, params: TrainParams, loss: LossParams) -> None:
    """Refuse examples that the loss can't learn from."""
    if loss.name in ("margin_mse", "kl"):
        alone = int((rows.documents[:, 1:] < 0).all(axis=1).sum())
        if alone == len(rows):
            raise HaechiError(f"train: loss {loss.name} needs mined negatives, and none of the {alone} rows has one")
    if loss.name in ("infonce", "guided", "triplet") and params.batch_size == 1 and not params.negatives:
        raise ParamsError("train: a batch of one row without negatives has nothing to tell apart; raise train.batch_size")


def _check_length(model: SentenceTransformer) -> None:
    config: Any = getattr(model[0], "config", None)
    positions, reads = getattr(config, "max_position_embeddings", None), model.max_seq_length
    if not positions or not reads:
        return
    if any(kind in getattr(config, "model_type", "") for kind in ("roberta", "camembert", "mpnet")):
        positions -= (config.pad_token_id or 0) + 1  # theirs are counted from behind the padding's
    if reads > positions:
        raise HaechiError(f"model.max_length {reads}: the model has positions for {positions} tokens only")
