"""What the base stage does: build the static model, or record which other one is meant."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from haechi.models.load import TRAINED, folder_hash, load_base, save_encoder, save_pointer, save_pointer_to_trained
from haechi.models.registry import STATIC
from haechi.models.static_encoder import StaticEncoder
from haechi.static_model.params import ModelParams

if TYPE_CHECKING:
    from sentence_transformers import SentenceTransformer

READ = 256
"""Texts that are cut into tokens at once."""


def make_base(texts: Sequence[str], params: ModelParams, folder: Path) -> dict[str, Any]:
    """Write the base folder and say what is in it."""
    if (Path(params.base) / TRAINED).is_file():
        trained = save_pointer_to_trained(params.base, params.max_length, folder, params.query_length)
        return {"base": params.base, "parameters": trained.parameters, "dim": trained.dim, "hash": folder_hash(folder)}
    cut: dict[str, int] = {}
    if params.base == STATIC:
        from haechi.static_model import build  # its libraries take a second

        words, composition = build.compose(texts, params)
        static = StaticEncoder(words, composition.table())
        save_encoder(static, folder, composition.save)
        weights, dim = static.table.size, static.get_embedding_dimension()
    else:
        model = load_base(params.base, params.max_length, params.query_length)
        save_pointer(model, params.base, params.max_length, folder, params.query_length)
        if reads := model.max_seq_length:
            cut = {"reads": reads, "filled": _filled(model, texts, reads)}
        weights, dim = sum(parameter.numel() for parameter in model.parameters()), model.get_embedding_dimension() or 0
    return {"base": params.base, "parameters": weights, "dim": dim, "hash": folder_hash(folder), **cut}


def _filled(model: "SentenceTransformer", texts: Sequence[str], reads: int) -> int:
    """How many texts are as long as what the model reads, or longer: of these it may not see the end."""
    found = 0
    for start in range(0, len(texts), READ):
        read = model.preprocess(list(texts[start : start + READ]), prompt=model.prompts.get("document"))
        if "attention_mask" in read:
            found += int((read["attention_mask"].sum(dim=1) >= reads).sum())
    return found
