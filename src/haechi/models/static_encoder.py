"""A static encoder without torch: tokenizers and numpy give the bytes that sentence-transformers gives.

A table, a mean and a length: importing torch and its libraries takes longer than most work with such a model.
Sums are taken in the order in which torch takes them on x86-64: pieces one after the other, squares in eight lanes. Elsewhere,
and for a width that is no multiple of eight, last bits of torch's differ.
"""

import hashlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import orjson
from tokenizers import Tokenizer

from haechi.runtime.errors import HaechiError
from haechi.runtime.files import read_json, write_json, write_text

Floats = npt.NDArray[np.float32]
Numbers = npt.NDArray[np.int64]
Cut = Callable[[Tokenizer, list[str]], tuple[Numbers, Numbers]]
TOGETHER = 256  # texts tokenised at once
LANES = 8
NO_PROMPTS: Mapping[str, Any] = {
    "default_prompt_name": None,
    "prompts": {"document": "", "query": ""},
    "similarity_fn_name": "cosine",
}
SETTINGS = "config_sentence_transformers.json"
MODULES = (
    ("", "sentence_transformers.sentence_transformer.modules.static_embedding.StaticEmbedding"),
    ("1_Normalize", "sentence_transformers.base.modules.normalize.Normalize"),
)
NORMALIZE = {"module_input_name": "sentence_embedding", "module_output_name": "sentence_embedding"}


def cut(words: Tokenizer, texts: list[str]) -> tuple[Numbers, Numbers]:
    """The pieces of all texts end to end, and where each text begins; the end of the last one comes last."""
    read = [encoding.ids for encoding in words.encode_batch_fast(texts, add_special_tokens=False)]
    ends = np.cumsum([0, *map(len, read)], dtype=np.int64)
    return np.concatenate([np.asarray(ids, dtype=np.int64) for ids in read]), ends


@dataclass(frozen=True)
class StaticEncoder:
    """The mean of the vectors of a text's pieces, as the saved model says; asked like a model of sentence-transformers."""

    tokenizer: Tokenizer
    table: Floats
    normalized: bool = True
    """Whether the model itself gives unit vectors."""
    settings: Mapping[str, Any] | None = None
    """As sentence-transformers writes them; None for a model without prompts."""
    cut: Cut = cut
    """What reads texts; a memory may take its place."""

    @property
    def prompts(self) -> dict[str, str]:
        """`query` and `document` are always among them, empty where the model names none, as sentence-transformers has it."""
        named = (self.settings or NO_PROMPTS).get("prompts", {})
        return {"query": "", "document": ""} | {name: text or "" for name, text in named.items()}

    def encode_query(self, texts: Sequence[str], **_: Any) -> Floats:
        """Vectors with the query prompt; a text without any piece is zeros.  # (texts, dim)"""
        return self._encode(texts, self.prompts["query"])

    def encode_document(self, texts: Sequence[str], **_: Any) -> Floats:
        """Vectors with the passage prompt.  # (texts, dim)"""
        return self._encode(texts, self.prompts["document"])

    def get_embedding_dimension(self) -> int:
        """The width of the table."""
        return int(self.table.shape[1])

    def _encode(self, texts: Sequence[str], prompt: str) -> Floats:
        made = np.zeros((len(texts), self.table.shape[1]), dtype=np.float32)
        for start in range(0, len(texts), TOGETHER):
            ids, ends = self.cut(self.tokenizer, [prompt + text for text in texts[start : start + TOGETHER]])
            for row in np.flatnonzero(np.diff(ends)):
                pieces = ids[ends[row] : ends[row + 1]]
                made[start + row] = self.table[pieces].sum(axis=0) / np.float32(len(pieces))
        return np.asarray(made / np.maximum(lengths(made), np.float32(1e-12))[:, None], np.float32) if self.normalized else made

    def weight_hash(self) -> str:
        """What `haechi.models.load.weight_hash` says of the same model in sentence-transformers."""
        digest = hashlib.sha256(f"0.embedding.weight{self.table.shape}torch.float32".encode())
        digest.update(np.ascontiguousarray(self.table).data)
        return digest.hexdigest()

    def parts(self) -> dict[str, object]:
        """Everything that decides its vectors, by hashes."""
        words = hashlib.sha256(self.tokenizer.to_str().encode()).hexdigest()
        return {"weights": self.weight_hash(), "words": words, "prompts": self.prompts, "normalized": self.normalized}

    def save(self, folder: Path) -> None:
        """Into an empty folder, as sentence-transformers saves it."""
        from safetensors.numpy import save_file

        modules = MODULES[: 1 + self.normalized]
        save_file({"embedding.weight": np.ascontiguousarray(self.table)}, folder / "model.safetensors")
        self.tokenizer.save(str(folder / "tokenizer.json"))
        rows = [{"idx": n, "name": str(n), "path": path, "type": kind} for n, (path, kind) in enumerate(modules)]
        write_text(folder / "modules.json", orjson.dumps(rows, option=orjson.OPT_INDENT_2).decode())
        write_json(
            folder / SETTINGS, {"model_type": "SentenceTransformer", **(self.settings or NO_PROMPTS), "prompts": self.prompts}
        )
        if self.normalized:
            (folder / MODULES[1][0]).mkdir()
            text = orjson.dumps(NORMALIZE, option=orjson.OPT_INDENT_2).decode().replace("\n  ", "\n    ")
            write_text(folder / MODULES[1][0] / "config.json", text)


def lengths(vectors: Floats) -> Floats:
    """The length of each row, its squares summed in eight lanes, lane by lane at the end, and what is over after that."""
    squares = vectors * vectors
    whole = squares.shape[1] // LANES * LANES
    lanes = np.zeros((len(squares), LANES), dtype=np.float32)
    for start in range(0, whole, LANES):
        lanes += squares[:, start : start + LANES]
    total = np.zeros(len(squares), dtype=np.float32)
    for column in (*lanes.T, *squares[:, whole:].T):
        total += column
    return np.sqrt(total)


def load_static(folder: Path) -> StaticEncoder | None:
    """The static encoder in a model folder; None if it holds another kind of model."""
    modules = read_json(folder / "modules.json") if (folder / "modules.json").is_file() else []
    kinds = [str(module["type"]).rpartition(".")[2] for module in modules]
    settings = read_json(folder / SETTINGS) if kinds else {}
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
    settings.pop("__version__", None)  # versions of libraries would make the same weights another model
    return StaticEncoder(tokenizer, table, len(kinds) == 2, settings)


def static_of(model: Any) -> StaticEncoder | None:
    """The static encoder that a loaded model of sentence-transformers is, its table not copied; None if it is of another kind."""
    kinds = [type(module).__qualname__ for module in model]
    if kinds not in (["StaticEmbedding"], ["StaticEmbedding", "Normalize"]) or model.truncate_dim:
        return None
    weight = model[0].embedding.weight.detach().cpu()
    if str(weight.dtype) != "torch.float32":
        return None
    settings = {"prompts": dict(model.prompts), "default_prompt_name": model.default_prompt_name}
    return StaticEncoder(model[0].tokenizer, weight.numpy(), len(kinds) == 2, settings)


def _table(file: Path) -> Floats | None:
    """The table of single precision; None for tables of other kinds, which sentence-transformers reads."""
    from safetensors.numpy import load_file

    table = load_file(file).get("embedding.weight")
    return table if table is not None and table.dtype == np.float32 else None
