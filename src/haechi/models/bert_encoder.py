"""A BERT-like encoder without torch: numpy gives the vectors that sentence-transformers gives, to the sixth digit.

On a processor the products take the time, whoever calls them, and importing torch and its libraries takes ten seconds more.
Texts go through one by one, so nothing is padded and the bits of a vector depend on its own text alone. Weights are mapped
into memory, not read: of the table of words only the rows that are asked for.
"""

import hashlib
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from functools import cache, cached_property
from pathlib import Path
from typing import Any, Literal, NamedTuple

import numpy as np
import numpy.typing as npt
import orjson
from tokenizers import Tokenizer

from haechi.models.static_encoder import SETTINGS
from haechi.runtime.environment import workers
from haechi.runtime.errors import HaechiError
from haechi.runtime.files import read_json

Floats = npt.NDArray[np.float32]
Pooling = Literal["mean", "cls"]
CACHED = 65_536
"""Inner units of tokens that are worked on at once: so many stay in the cache."""
FAMILY = ("bert", "roberta", "xlm-roberta")
POOLED: tuple[Pooling, ...] = ("mean", "cls")
MARKS = 2
"""What the tokenizer puts around a text: one piece before, one behind it."""
TOGETHER = 1_024  # texts tokenised at once
INVERSE_ROOT, HALF = np.float32(0.5**0.5), np.float32(0.5)
ERF = tuple(np.float32(one) for one in (0.3275911, 0.254829592, -0.284496736, 1.421413741, -1.453152027, 1.061405429))
"""Abramowitz and Stegun 7.1.26: the error function to 1.5e-7."""


class Lengths(NamedTuple):
    """Tokens that are read of a text."""

    query: int
    document: int


@dataclass(frozen=True)
class BertEncoder:
    """A network with its words; asked like a model of sentence-transformers."""

    tokenizer: Tokenizer
    weights: Mapping[str, Floats]
    """By the names of transformers."""
    config: Mapping[str, Any]
    """The network's, as transformers writes it."""
    pooling: Pooling
    normalized: bool
    prompts: Mapping[str, str]
    """`query` and `document`: what is put before a text."""
    lengths: Lengths
    digest: str = ""
    """What names the weights; empty where they are hashed themselves."""

    def encode_query(self, texts: Sequence[str], **_: Any) -> Floats:
        """Vectors with the query prompt.  # (texts, dim)"""
        return self._encode(texts, self.prompts["query"], self.lengths.query)

    def encode_document(self, texts: Sequence[str], **_: Any) -> Floats:
        """Vectors with the passage prompt.  # (texts, dim)"""
        return self._encode(texts, self.prompts["document"], self.lengths.document)

    def get_embedding_dimension(self) -> int:
        """The width of the network."""
        return int(self.config["hidden_size"])

    def read_to(self, document: int, query: int = 0) -> "BertEncoder":
        """The same, reading so many tokens of a text; 0 leaves queries as they are."""
        most = self.lengths.document
        return replace(self, lengths=Lengths(min(query or self.lengths.query, document, most), min(document, most)))

    def weight_hash(self) -> str:
        """What `haechi.models.load.weight_hash` says of the same model in sentence-transformers, or what it was given."""
        return self.digest or self._weight_hash

    def parts(self) -> dict[str, object]:
        """Everything that decides its vectors, by hashes."""
        kept = {key: self.config.get(key) for key in ("num_attention_heads", "layer_norm_eps", "model_type", "pad_token_id")}
        ends = {"pooling": self.pooling, "normalized": self.normalized, "prompts": dict(self.prompts)}
        return {"weights": self.weight_hash(), "words": self._words, "config": kept, "lengths": list(self.lengths), **ends}

    @cached_property
    def _weight_hash(self) -> str:
        digest = hashlib.sha256()
        for name, weight in sorted((f"0.model.{name}", weight) for name, weight in self.weights.items()):
            digest.update(f"{name}{weight.shape}torch.float32".encode())
            digest.update(np.ascontiguousarray(weight).data)
        return digest.hexdigest()

    @cached_property
    def _words(self) -> str:
        return hashlib.sha256(self.tokenizer.to_str().encode()).hexdigest()

    def _encode(self, texts: Sequence[str], prompt: str, length: int) -> Floats:
        made = np.empty((len(texts), self.get_embedding_dimension()), dtype=np.float32)

        def fill(place: int, ids: list[int]) -> None:
            made[place] = self._vector(ids if len(ids) <= length else [*ids[: length - 1], ids[-1]])

        with _blas().limit(limits=1, user_api="blas"), ThreadPoolExecutor(workers()) as pool:
            for start in range(0, len(texts), TOGETHER):
                cut = self.tokenizer.encode_batch_fast([prompt + text for text in texts[start : start + TOGETHER]])
                list(pool.map(fill, range(start, start + len(cut)), (one.ids for one in cut)))
        return made

    def _vector(self, ids: list[int]) -> Floats:
        """One text through the network; a column a token, since weights times columns is the faster way with few of them."""
        w = self.weights
        first = 0 if self.config["model_type"] == "bert" else self.config["pad_token_id"] + 1
        rows = w["embeddings.word_embeddings.weight"][ids]
        rows += w["embeddings.position_embeddings.weight"][first : first + len(ids)]
        rows += w["embeddings.token_type_embeddings.weight"][0]
        states = self._levelled(np.ascontiguousarray(rows.T), "embeddings.LayerNorm")
        for layer in range(self.config["num_hidden_layers"]):
            states = self._layer(states, f"encoder.layer.{layer}.")
        vector = states.mean(axis=1) if self.pooling == "mean" else states[:, 0]
        length = max(float(np.linalg.norm(vector)), 1e-12) if self.normalized else 1.0
        return np.asarray(vector / np.float32(length))

    def _layer(self, states: Floats, name: str) -> Floats:
        made = self._linear(self._attended(states, f"{name}attention.self."), f"{name}attention.output.dense")
        made += states
        states = self._levelled(made, f"{name}attention.output.LayerNorm")
        inner = self._linear(states, f"{name}intermediate.dense")
        units = max(1, CACHED // inner.shape[1])
        for start in range(0, len(inner), units):
            _gelu(inner[start : start + units])
        made = self._linear(inner, f"{name}output.dense")
        made += states
        return self._levelled(made, f"{name}output.LayerNorm")

    def _attended(self, states: Floats, name: str) -> Floats:
        width, tokens = states.shape
        heads = self.config["num_attention_heads"]
        query, key, value = (self._linear(states, name + part).reshape(heads, -1, tokens) for part in ("query", "key", "value"))
        query *= np.float32((width // heads) ** -0.5)
        near = np.ascontiguousarray(query.transpose(0, 2, 1)) @ key
        near -= near.max(axis=-1, keepdims=True)
        np.exp(near, out=near)
        near /= near.sum(axis=-1, keepdims=True)
        return np.asarray((value @ near.transpose(0, 2, 1)).reshape(width, tokens), dtype=np.float32)

    def _linear(self, states: Floats, name: str) -> Floats:
        made: Floats = self.weights[f"{name}.weight"] @ states
        made += self.weights[f"{name}.bias"][:, None]
        return made

    def _levelled(self, states: Floats, name: str) -> Floats:
        states -= states.mean(axis=0)
        spread = np.einsum("ij,ij->j", states, states) / np.float32(len(states))
        states /= np.sqrt(spread + np.float32(self.config["layer_norm_eps"]))
        states *= self.weights[f"{name}.weight"][:, None]
        states += self.weights[f"{name}.bias"][:, None]
        return states


def _gelu(inner: Floats) -> None:
    """X times the share of a normal distribution below it, in place: the positive part, less |x| times the tail beyond |x|."""
    scale, *terms = ERF
    size = np.abs(inner)
    ratio = np.reciprocal(size * (INVERSE_ROOT * scale) + np.float32(1))
    tail = np.full_like(inner, terms[-1])
    for term in terms[-2::-1]:
        tail *= ratio
        tail += term
    tail *= ratio
    tail *= np.exp(size * size * -HALF)
    tail *= size
    tail *= HALF
    np.maximum(inner, 0, out=inner)
    inner -= tail


@cache
def _blas() -> Any:
    """Texts are worked on side by side, so a product needs no threads of its own, and sums come in one order everywhere."""
    from threadpoolctl import ThreadpoolController

    return ThreadpoolController()


def load_bert(folder: Path) -> BertEncoder | None:
    """The encoder in a model folder of sentence-transformers; None if it holds a model of another kind, which torch reads."""
    modules = _read(folder / "modules.json") or []
    kinds = [str(module["type"]).rpartition(".")[2] for module in modules]
    if kinds not in (["Transformer", "Pooling"], ["Transformer", "Pooling", "Normalize"]):
        return None
    place = folder / modules[0]["path"]
    config, reading, words = (_read(place / f"{name}.json") for name in ("config", "sentence_bert_config", "tokenizer_config"))
    pooling, settings = _pooling(_read(folder / modules[1]["path"] / "config.json")), _read(folder / SETTINGS)
    if pooling is None or not _plain(config) or reading.get("do_lower_case") or settings.get("truncate_dim"):
        return None
    weights, tokenizer = _mapped(place), _tokenizer(place / "tokenizer.json")
    if weights is None or tokenizer is None:
        return None
    first = 0 if config["model_type"] == "bert" else config["pad_token_id"] + 1
    said = reading.get("max_seq_length") or words.get("model_max_length") or config["max_position_embeddings"]
    most = int(min(said, config["max_position_embeddings"] - first))
    lengths = Lengths(*(min(reading.get(f"{task}_length") or most, most) for task in Lengths._fields))
    return BertEncoder(tokenizer, weights, config, pooling, len(kinds) == 3, _prompts(settings), lengths)


def _read(file: Path) -> Any:
    return read_json(file) if file.is_file() else {}


def _plain(config: Mapping[str, Any]) -> bool:
    """Whether the network is computed as it is here."""
    usual = config.get("hidden_act") == "gelu" and config.get("position_embedding_type", "absolute") == "absolute"
    return config.get("model_type") in FAMILY and usual and not config.get("is_decoder")


def _pooling(config: Mapping[str, Any]) -> Pooling | None:
    """What is made of the tokens' vectors, in the words of either version of the library."""
    modes = (
        [config["pooling_mode"]]
        if "pooling_mode" in config
        else [
            key.removeprefix("pooling_mode_").removesuffix("_tokens").removesuffix("_token")
            for key, value in config.items()
            if key.startswith("pooling_mode_") and value
        ]
    )
    known = [mode for mode in POOLED if [mode] == modes]
    return known[0] if known and config.get("include_prompt", True) else None


def _prompts(settings: Mapping[str, Any]) -> dict[str, str]:
    """Those of queries and of passages, as the library finds them."""
    named = {name: text or "" for name, text in settings.get("prompts", {}).items()}
    usual = named.get(settings.get("default_prompt_name") or "", "")
    passage = next((named[name] for name in ("document", "passage", "corpus") if name in named), usual)
    return {"query": named.get("query", usual), "document": passage}


def _tokenizer(file: Path) -> Tokenizer | None:
    """The words, if they put one piece before a text and one behind it, which a cut then keeps."""
    if not file.is_file():
        return None
    try:
        words = Tokenizer.from_file(str(file))
    except Exception as error:  # the library raises bare Exception
        raise HaechiError(f"{file}: not a tokenizer ({str(error).splitlines()[0]})") from error
    words.no_padding()
    words.no_truncation()
    return words if words.num_special_tokens_to_add(is_pair=False) == MARKS else None


def _mapped(place: Path) -> dict[str, Floats] | None:
    """The weights of all files, in single precision as they lie there; None where some are of another kind or another network."""
    found: dict[str, Floats] = {}
    for file in sorted(place.glob("model*.safetensors")):
        data = np.memmap(file, mode="r")
        begin = 8 + int(data[:8].view("<u8")[0])
        for name, one in orjson.loads(data[8:begin].tobytes()).items():
            if name not in ("__metadata__", "embeddings.position_ids"):
                if one["dtype"] != "F32" or not name.startswith(("embeddings.", "encoder.layer.", "pooler.")):
                    return None
                start, end = one["data_offsets"]
                found[name] = data[begin + start : begin + end].view("<f4").reshape(one["shape"])
    return found or None
