"""A static encoder without torch: tokenizers and numpy give what sentence-transformers gives.

A table, a mean and a length: importing torch for that would take longer than the search page may take to start.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np
import numpy.typing as npt
from tokenizers import Tokenizer

from haechi.runtime.errors import HaechiError
from haechi.runtime.files import read_json

Floats = npt.NDArray[np.float32]
Task = Literal["query", "document"]
TOGETHER = 256  # texts tokenised at once


@dataclass(frozen=True)
class StaticEncoder:
    """The mean of the vectors of a text's pieces, as the saved model says."""

    tokenizer: Tokenizer
    table: Floats
    prompts: Mapping[str, str]
    """`query` and `document` are always among them, empty where the model names none, as sentence-transformers has it."""

    def encode(self, texts: Sequence[str], task: Task) -> Floats:
        """Unit vectors with the model's own prompt; a text without any piece is zeros.  # (texts, dim)"""
        prompt = self.prompts[task]
        made = np.zeros((len(texts), self.table.shape[1]), dtype=np.float32)
        for start in range(0, len(texts), TOGETHER):
            some = [prompt + text for text in texts[start : start + TOGETHER]]
            for row, pieces in enumerate(self.tokenizer.encode_batch_fast(some, add_special_tokens=False), start=start):
                if pieces.ids:
                    made[row] = self.table[pieces.ids].mean(axis=0)
        return np.asarray(made / np.maximum(np.linalg.norm(made, axis=1, keepdims=True), 1e-12), dtype=np.float32)


def load_static(folder: Path) -> StaticEncoder | None:
    """The static encoder in a model folder; None if it holds another kind of model."""
    modules = read_json(folder / "modules.json") if (folder / "modules.json").is_file() else []
    kinds = [str(module["type"]).rpartition(".")[2] for module in modules]
    settings = read_json(folder / "config_sentence_transformers.json") if kinds else {}
    if kinds not in (["StaticEmbedding"], ["StaticEmbedding", "Normalize"]) or settings.get("truncate_dim"):
        return None
    place = folder / modules[0]["path"]
    try:
        table = _table(place / "model.safetensors")
        tokenizer = Tokenizer.from_file(str(place / "tokenizer.json"))
    except Exception as error:  # both libraries raise their own kinds, bare Exception among them
        raise HaechiError(f"{place}: not a whole model ({str(error).splitlines()[0]}); make it again with `dvc repro`") from error
    if table is None:
        return None
    if len(table) < tokenizer.get_vocab_size():
        raise HaechiError(
            f"{place}: {tokenizer.get_vocab_size()} pieces, but a table of {len(table)} rows; they belong to two models"
        )
    tokenizer.no_padding()
    prompts = {name: text or "" for name, text in settings.get("prompts", {}).items()}
    return StaticEncoder(tokenizer, table, {"query": "", "document": ""} | prompts)


def _table(file: Path) -> Floats | None:
    """The table of single precision; None for tables of other kinds, which sentence-transformers reads."""
    from safetensors.numpy import load_file

    weights = load_file(file)
    table = weights.get("embedding.weight")
    return table if table is not None and table.dtype == np.float32 else None
