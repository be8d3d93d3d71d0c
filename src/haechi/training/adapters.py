"""What of a model is trained: all of it, adapters beside it, or all but what is frozen. And how it is saved as a whole again."""

import copy
import re
from collections.abc import Sequence
from typing import TypeVar

from peft import LoraConfig, PeftModel, get_peft_model
from sentence_transformers import SentenceTransformer
from sentence_transformers.base.model import BaseModel
from sentence_transformers.sentence_transformer.modules import Transformer

from haechi.runtime.errors import HaechiError
from haechi.training.lora_params import LoraParams
from haechi.training.static_learner import plain

M = TypeVar("M", bound=BaseModel)
FALLBACK_TARGETS = ("query", "key", "value")


def freeze(model: BaseModel, patterns: Sequence[str]) -> None:
    """Keep the weights whose names match as they are."""
    for pattern in patterns:
        weights = [weight for name, weight in model.named_parameters() if re.search(pattern, name)]
        if not weights:
            names = ", ".join(name for name, _ in list(model.named_parameters())[:3])
            raise HaechiError(f"train: no weight is named like {pattern!r} (train.freeze); names are such as {names}")
        for weight in weights:
            weight.requires_grad_(False)
    if not any(weight.requires_grad for weight in model.parameters()):
        raise HaechiError("train: train.freeze leaves nothing to train")


def add_adapters(model: BaseModel, params: LoraParams, targets: Sequence[str] = (), whole: Sequence[str] = ()) -> None:
    """Put low-rank adapters into the transformer and freeze everything else but the layers named `whole`."""
    transformer = model[0]
    if not isinstance(transformer, Transformer):
        raise HaechiError("train: adapters (lora.rank) need a transformer, and this model has none; set lora.rank to 0")
    targets = params.targets or targets or FALLBACK_TARGETS
    names = {name.rpartition(".")[2] for name, _ in transformer.model.named_modules()}
    if missing := [target for target in targets if target not in names]:
        raise HaechiError(f"train: the model has no layer named {', '.join(missing)} (lora.targets)")
    config = LoraConfig(
        r=params.rank,
        lora_alpha=params.alpha,
        lora_dropout=params.dropout,
        target_modules=list(targets),
        modules_to_save=list(whole) or None,
    )
    transformer.model = get_peft_model(transformer.model, config)


def merged(model: M) -> M:
    """The model as others know it: features folded into a table, adapters added into the weights of a copy; else itself."""
    if isinstance(model, SentenceTransformer):
        model = plain(model)  # type: ignore[assignment]
    if not isinstance(model[0], Transformer) or not isinstance(model[0].model, PeftModel):
        return model
    whole = copy.deepcopy(model)
    whole[0].model = whole[0].model.merge_and_unload()  # type: ignore[union-attr, operator]
    return whole
