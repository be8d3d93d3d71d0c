"""Which parameters of a training contradict each other: refused in one sentence, before anything slow is imported."""

from collections.abc import Mapping

from haechi.runtime.errors import ParamsError
from haechi.training.lora_params import LoraParams
from haechi.training.loss_params import LossParams
from haechi.training.params import TrainParams


def check_recipe(params: TrainParams, loss: LossParams, lora: LoraParams) -> None:
    """Refuse what contradicts itself whatever the model and the device."""
    _refuse(_of_loss(params, loss) | _of_batches(params, loss) | _of_adapters(params, lora))
    if params.engine == "flagembedding":
        _refuse(_of_flagembedding(params, loss, lora))


def check_static(params: TrainParams, loss: LossParams, lora: LoraParams) -> None:
    """Refuse what the static base and every other static model can't do."""
    _refuse(
        {
            "a static model has no activations to save; set loss.mini_batch to 0": loss.mini_batch > 0,
            "a static model has no activations to save; set train.gradient_checkpointing to false": params.gradient_checkpointing,
            "a static model has no layers for adapters; set lora.rank to 0": lora.rank > 0,
        }
    )


def _of_loss(params: TrainParams, loss: LossParams) -> dict[str, bool]:
    follows = loss.name in ("margin_mse", "kl")
    return {
        f"loss {loss.name} needs mined negatives; raise train.negatives above 0": follows and not params.negatives,
        "loss.margin must be above 0 for triplets": loss.name == "triplet" and not loss.margin,
        f"loss {loss.name} follows the scores of the mined file, which new negatives don't have; set train.refresh_every to 0": (
            follows and params.refresh_every > 0
        ),
        f"loss {loss.name} learns from mined negatives alone; set train.hard_negative_ratio to 1": (
            follows and params.hard_negative_ratio < 1.0
        ),
        "loss.guide is read by the guided loss alone": bool(loss.guide) and loss.name != "guided",
        "loss.dims must be above 0": 0 in loss.dims,
    }


def _of_batches(params: TrainParams, loss: LossParams) -> dict[str, bool]:
    return {
        "train.hard_negative_ratio below 1 leaves out mined negatives, and none are used; raise train.negatives above 0": (
            params.hard_negative_ratio < 1.0 and not params.negatives
        ),
        "train.refresh_every needs negatives to refresh; raise train.negatives above 0": params.refresh_every > 0
        and not params.negatives,
        "train.token_dropout must be below 1": params.token_dropout >= 1.0,
        "sampler `classes` fills batches with rows of one article, which infonce masks; take loss triplet or another sampler": (
            params.sampler == "classes" and loss.name != "triplet"
        ),
        "every source has weight 0 (train.weights)": bool(params.weights) and not any(params.weights.values()),
        "a batch of one row without negatives has nothing to compare with; raise train.batch_size": (
            loss.name in ("infonce", "guided", "triplet") and params.batch_size == 1 and not params.negatives
        ),
    }


def _of_adapters(params: TrainParams, lora: LoraParams) -> dict[str, bool]:
    return {
        "train.keep_last with lora.rank: adapters are merged into what is kept, so their optimizer's memory fits nothing": (
            params.keep_last and lora.rank > 0
        ),
        "train.resume_from with lora.rank: an optimizer's memory of whole weights fits no adapters": (
            bool(params.resume_from) and lora.rank > 0
        ),
        "train.freeze with lora.rank: adapters freeze everything else already": bool(params.freeze) and lora.rank > 0,
    }


def _of_flagembedding(params: TrainParams, loss: LossParams, lora: LoraParams) -> dict[str, bool]:
    return {
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


def _refuse(rules: Mapping[str, bool]) -> None:
    for sentence, holds in rules.items():
        if holds:
            raise ParamsError(f"train: {sentence}")
