"""What names a model's answers: everything that decides them, so that two models never share a stored row.

Not its name or folder: the same weights under another path are the same model.
"""

import hashlib
from importlib.metadata import version
from typing import TYPE_CHECKING, Any

import orjson

from haechi.inference.fixed_shapes import VERSION, Precision
from haechi.models.bert_encoder import BertEncoder
from haechi.models.load import LIGHT, weight_hash
from haechi.models.static_encoder import StaticEncoder

if TYPE_CHECKING:
    from haechi.inference.fixed_shapes import Model

LIBRARIES = ("torch", "sentence-transformers", "transformers", "tokenizers")
LIGHT_KINDS: dict[type, tuple[str, int]] = {StaticEncoder: ("table", 1), BertEncoder: ("bert", 2)}
"""Name and version of what computes; the version is raised whenever the same model would give other bits."""
LIGHT_LIBRARIES = ("numpy", "tokenizers")


def model_key(model: "Model | StaticEncoder | BertEncoder", precision: Precision) -> dict[str, object]:
    """The parts of a key that a model stands for: weights, words, modules, prompts, lengths, numbers, libraries, device kind."""
    if isinstance(model, LIGHT):  # it is read by numpy: no kind of device, no precision, no library of torch's takes part
        kind, made_by = LIGHT_KINDS[type(model)]
        libraries = {name: version(name) for name in LIGHT_LIBRARIES}
        return {"model": _hash(model.parts()), kind: made_by, "libraries": libraries}
    parts = {
        "weights": weight_hash(model),
        "modules": [_module(module) for module in model],
        "prompts": dict(model.prompts),
        "default_prompt": model.default_prompt_name,
        "max_length": str(model.max_seq_length),
        "truncate": str(getattr(model, "truncate_dim", None)),
    }
    return {
        "model": _hash(parts),
        "precision": precision,
        "device": model.device.type,
        "shapes": VERSION,
        "libraries": {name: version(name) for name in LIBRARIES},
    }


def _hash(parts: dict[str, Any]) -> str:
    return hashlib.sha256(orjson.dumps(parts, option=orjson.OPT_SORT_KEYS | orjson.OPT_NON_STR_KEYS)).hexdigest()


def _module(module: Any) -> list[object]:
    """A module's kind, settings and words."""
    settings = module.get_config_dict() if hasattr(module, "get_config_dict") else {}
    if (network := getattr(module, "auto_model", None)) is not None:
        config = network.config
        ours = {key: value for key, value in config.to_dict().items() if key not in ("_name_or_path", "transformers_version")}
        settings = {**settings, "network": ours, "attention": getattr(config, "_attn_implementation", None)}
    kind = type(module)
    return [f"{kind.__module__}.{kind.__qualname__}", _plain(settings), _words(getattr(module, "tokenizer", None))]


def _words(tokenizer: Any) -> str:
    """The tokenizer's vocabulary and rules, less the padding and truncation that the last call left in it."""
    if tokenizer is None:
        return ""
    if (backend := getattr(tokenizer, "backend_tokenizer", None)) is not None:
        rules = {key: value for key, value in orjson.loads(backend.to_str()).items() if key not in ("padding", "truncation")}
        rules["side"] = tokenizer.padding_side
    elif hasattr(tokenizer, "to_str"):  # of a static table, where truncation is its length; its words are too many to parse
        return hashlib.sha256(tokenizer.to_str().encode()).hexdigest()
    else:
        rules = {"kind": type(tokenizer).__qualname__, "vocabulary": tokenizer.get_vocab()}
    return hashlib.sha256(orjson.dumps(rules, option=orjson.OPT_SORT_KEYS)).hexdigest()


def _plain(value: Any) -> Any:
    """As JSON can say it."""
    if isinstance(value, dict):
        return {str(key): _plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(item) for item in value]
    return value if isinstance(value, str | int | float | bool | None) else str(value)
