"""Loading and saving encoders: hub ids, folders, the static base; with the registry's prompts, never remote code.

`load_*` give a model of sentence-transformers, which can be trained; `open_*` give one to encode with, without torch where
numpy does as well.
"""

import hashlib
import os
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from importlib.metadata import version
from logging import ERROR
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeAlias

from safetensors import SafetensorError

from haechi.models import e5_wheel
from haechi.models.bert_encoder import BertEncoder, load_bert
from haechi.models.hub import answers, cached, cached_in_part, download, may_be_asked_for, refuse_code, whole
from haechi.models.registry import ALIASES, PACKAGED, STATIC, BaseModel, known, known_reranker
from haechi.models.released import BESIDE
from haechi.models.static_encoder import SETTINGS, StaticEncoder, load_static
from haechi.runtime.errors import HaechiError, ModelUnreachable, PackageMissing, RerankerUnreachable
from haechi.runtime.files import atomic_folder, read_json, read_record, sha256_file, write_json
from haechi.runtime.params import meant

if TYPE_CHECKING:
    from sentence_transformers import CrossEncoder, SentenceTransformer
    from torch import Tensor

UNREADABLE = (OSError, ValueError, RuntimeError, SafetensorError)
"""What the libraries say of files that they can't read."""
LIGHT = (StaticEncoder, BertEncoder)
"""Those without torch."""
AnyEncoder: TypeAlias = "SentenceTransformer | StaticEncoder | BertEncoder"
"""What has `encode_query` and `encode_document`."""
POINTER = "pointer.json"
UNREGISTERED_LENGTH = 512
"""Tokens that a model nobody registered reads."""
GPU_DEVICES = ("/dev/nvidiactl", "/dev/kfd", "/dev/dxg")
SCORERS = ("ForSequenceClassification", "ForCausalLM")
"""How the architectures end that score pairs."""
TRAINED, EXAMPLES, PASSAGES = "training.json", "examples.jsonl", "passages.txt"
"""Beside the weights of a model that was trained here: a record, the examples, and hashes of the corpus's texts."""


@dataclass(frozen=True)
class Trained:
    """The record of a model that was trained here and may be trained on."""

    testset: str
    """Fingerprint of the test set whose texts it has never seen."""
    parameters: int
    dim: int
    files: Mapping[str, str]
    """Every other file of the folder -> its sha256."""


def device() -> str:
    """Where models run: HAECHI_DEVICE, else the GPU if there is one. It is no parameter: it doesn't name a result."""
    import torch

    return os.environ.get("HAECHI_DEVICE") or ("cuda" if torch.cuda.is_available() else "cpu")


def on_processor() -> bool:
    """Whether models run on the processor; where that is plain, torch isn't imported to say so."""
    if asked := os.environ.get("HAECHI_DEVICE"):
        return asked == "cpu"
    without = sys.platform == "darwin" or version("torch").endswith("+cpu")
    if without or (sys.platform == "linux" and not any(map(os.path.exists, GPU_DEVICES))):
        return True
    return device() == "cpu"


def load_base(name: str, max_length: int, query_length: int = 0) -> "SentenceTransformer":
    """A base model by alias, hub id or folder, with its prompts and lengths set; 0 leaves the length of queries as it is."""
    entry, folder = _named(name)
    model = _load(folder, name)
    if entry:
        model.prompts = {"query": entry.query_prompt, "document": entry.passage_prompt}
        _check_pooling(model, name, entry.pooling)
    _limit(model, min(max_length, entry.max_length if entry else max_length))
    if query_length:
        first: Any = model[0]
        if not hasattr(first, "query_length"):
            raise HaechiError(f"model {name}: only a transformer reads queries of another length; set model.query_length to 0")
        first.query_length = query_length  # saved with the model, and kept to by sentence-transformers itself
    return model


def open_base(name: str, max_length: int = 0, query_length: int = 0, precision: str = "fp32") -> AnyEncoder:
    """The same to encode with; length 0 is the registered one."""
    if name == e5_wheel.PACKED_ALIAS and precision == "fp32" and on_processor() and (packed := e5_wheel.opened()):
        return packed.read_to(max_length or packed.lengths.document, query_length)
    entry, folder = _named(name)
    length = max_length or (entry.max_length if entry else UNREGISTERED_LENGTH)
    if not query_length and (static := load_static(folder)):
        static.tokenizer.enable_truncation(length)
        return static
    model = load_bert(folder) if precision == "fp32" and on_processor() else None
    if model is None or (entry and entry.pooling != model.pooling):
        return load_base(name, length, query_length)  # which says what is wrong with it
    if entry:
        model = replace(model, prompts={"query": entry.query_prompt, "document": entry.passage_prompt})
    return model.read_to(min(length, entry.max_length) if entry else length, query_length)


def _named(name: str) -> tuple[BaseModel | None, Path]:
    """What is known of a model, and its folder."""
    entry = known(name)
    if not entry and "/" not in name and not Path(name).is_dir() and (question := meant(name, [*ALIASES, *PACKAGED, STATIC])):
        raise HaechiError(f"model {name!r}: neither a registered name nor a folder{question}")
    return entry, folder_of(name)


def load_reranker(name: str, max_length: int | None = None) -> "CrossEncoder":
    """A cross-encoder by alias, hub id or folder: sentence-transformers' own and FlagEmbedding's encoder-only ones alike."""
    entry = known_reranker(name)
    try:
        folder = folder_of(name)
    except ModelUnreachable as error:
        raise RerankerUnreachable(name, f"looked for it in {error.looked}") from error
    from sentence_transformers import CrossEncoder

    try:
        model: CrossEncoder = CrossEncoder(str(folder), local_files_only=True, **_options())
    except UNREADABLE as error:
        raise RerankerUnreachable(name, f"looked for it in folder {folder} ({_first_line(error)})") from error
    made_for = (getattr(model.config, "architectures", None) or ["an unknown architecture"])[0]
    if not made_for.endswith(SCORERS):
        raise RerankerUnreachable(name, f"it was saved as {made_for}, which scores no pairs: its last layer would be random")
    if model.num_labels != 1:
        raise RerankerUnreachable(name, f"it gives {model.num_labels} outputs for a pair where one score is wanted")
    return _reading_pairs(model, name, (max_length, entry.max_length if entry else None))


def load_reranker_base(name: str, max_length: int) -> "CrossEncoder":
    """What is tuned to rerank: a cross-encoder, or an encoder with a new head, as torch's seed draws it."""
    try:
        folder = folder_of(name)
    except ModelUnreachable as error:
        raise RerankerUnreachable(name, f"looked for it in {error.looked}") from error
    if not (folder / "config.json").is_file():
        raise HaechiError(f"reranker.base {name}: is no transformer, and only a transformer reads two texts together")
    if (read_json(folder / "config.json").get("architectures") or [""])[0].endswith(SCORERS):
        return load_reranker(name, max_length)
    from sentence_transformers import CrossEncoder
    from transformers.utils import logging

    entry = known(name)
    loud = logging.get_verbosity()
    logging.set_verbosity(ERROR)  # it would warn that the head is new
    try:
        model: CrossEncoder = CrossEncoder(str(folder), num_labels=1, local_files_only=True, **_options())
    except UNREADABLE as error:
        raise HaechiError(f"reranker.base {name}: can't be given a head for scores ({_first_line(error)})") from error
    finally:
        logging.set_verbosity(loud)
    return _reading_pairs(model, name, (max_length, entry.max_length if entry else None))


def _reading_pairs(model: "CrossEncoder", name: str, limits: Sequence[int | None]) -> "CrossEncoder":
    """The cross-encoder, reading no more than these limits and its own; pairs of unequal length must fit in one batch."""
    pad = getattr(model.tokenizer, "pad_token_id", None)
    if pad is None:
        raise RerankerUnreachable(name, "its tokenizer has no pad token, so pairs of unequal length can't be read together")
    config: Any = model.config
    if getattr(config, "pad_token_id", None) is None:
        config.pad_token_id = pad
    model.max_seq_length = min((limit for limit in (*limits, model.max_seq_length) if limit), default=None)
    return model


def folder_of(name: str) -> Path:
    """The folder of a model by alias, hub id or path: itself, the hub cache's, downloaded into that cache now, or a wheel's.

    What can't be loaded is told before the libraries are imported, which takes longer than to look.
    """
    if name == e5_wheel.PACKED_ALIAS:
        if packed := e5_wheel.unpacked(name):
            return packed
        raise PackageMissing(
            f"model {name} comes with the package {e5_wheel.PACKAGE}, which is not installed "
            f"(`{e5_wheel.INSTALL}`; for x86-64 Linux)"
        )
    entry = known(name) or known_reranker(name)
    source = entry.id if entry else name
    folder = Path(source)
    if folder.is_dir():
        refuse_code(folder, name)
        if not whole(folder):
            raise ModelUnreachable(name, f"folder {source}, which lacks weights in safetensors (pickles are never loaded)")
        return folder
    if not may_be_asked_for(source):
        raise ModelUnreachable(name, f"folder {source}, and there is no such folder")
    if found := cached(source, os.environ):
        return found
    if answers(source, os.environ):
        try:
            return download(source, os.environ)
        except HaechiError:
            if packed := e5_wheel.unpacked(source):
                return packed
            raise
    if packed := e5_wheel.unpacked(source):
        return packed
    lacks = " (which lacks weights of it in safetensors; pickles are never loaded)" if cached_in_part(source, os.environ) else ""
    asked = f"the hub, which doesn't answer or may not be asked ({source}){e5_wheel.not_in(source)}"
    raise ModelUnreachable(name, f"folder {source}, the local hub cache{lacks} and {asked}")


def load_encoder(folder: Path) -> "SentenceTransformer":
    """A model folder of this pipeline; a base that only points to a hub model is followed and its weights compared."""
    pointer = _read_pointer(folder)
    if not pointer:
        return _load(folder, str(folder))
    model = load_base(pointer["model"], pointer["max_length"], pointer.get("query_length", 0))
    _check_weights(model, folder, pointer)
    return model


def open_encoder(folder: Path, precision: str = "fp32") -> AnyEncoder:
    """The same to encode with."""
    pointer = _read_pointer(folder)
    if pointer:
        model = open_base(pointer["model"], pointer["max_length"], pointer.get("query_length", 0), precision)
        _check_weights(model, folder, pointer)
        return model
    bert = load_bert(folder) if precision == "fp32" and on_processor() else None
    return load_static(folder) or bert or _load(folder, str(folder))


def save_again(folder: Path, place: Path) -> None:
    """The model of a folder, a pointer followed, saved into another."""
    static = load_static(Path(_read_pointer(folder).get("model", folder)))
    save_encoder(static or load_encoder(folder), place)


def _read_pointer(folder: Path) -> dict[str, Any]:
    """What a base that only points says, its record looked at; empty for a folder that is a model itself."""
    if not folder.is_dir():
        raise HaechiError(f"{folder}: no such model folder; make it with `dvc repro`")
    pointer: dict[str, Any] = read_json(folder / POINTER) if (folder / POINTER).exists() else {}
    if "training" in pointer:
        read_trained(Path(pointer["model"]), pointer["training"])
    return pointer


def _check_weights(model: AnyEncoder, folder: Path, pointer: Mapping[str, Any]) -> None:
    if "weights" in pointer and (found := weight_hash(model)) != pointer["weights"]:
        raise HaechiError(
            f"{folder}: {pointer['model']} has other weights than recorded ({found[:12]}, not {pointer['weights'][:12]})"
        )


def name_of(folder: Path) -> str:
    """The alias or hub id that a base folder points to; empty for one that is a model itself."""
    return str(read_json(folder / POINTER)["model"]) if (folder / POINTER).exists() else ""


def save_encoder(
    model: "SentenceTransformer | StaticEncoder | CrossEncoder",
    folder: Path,
    also: Callable[[Path], None] = lambda folder: None,
) -> None:
    """Save in sentence-transformers format: safetensors and JSON alone, no card with dates in it; `also` puts more beside it."""
    with atomic_folder(folder) as temporary:
        if isinstance(model, StaticEncoder):
            model.save(temporary)
        else:
            model.save(str(temporary), create_model_card=False, safe_serialization=True)
        for settings in temporary.rglob(SETTINGS):
            kept = {key: value for key, value in read_json(settings).items() if key != "__version__"}
            write_json(settings, kept)  # library versions would make the same weights another model
        also(temporary)


def save_pointer(model: "SentenceTransformer", name: str, max_length: int, folder: Path, query_length: int = 0) -> None:
    """Stand for a hub model by its name and the hash of its weights, so that DVC need not copy gigabytes."""
    with atomic_folder(folder) as temporary:
        write_json(temporary / POINTER, {**_pointer(name, max_length, query_length), "weights": weight_hash(model)})


def save_pointer_to_trained(name: str, max_length: int, folder: Path, query_length: int = 0) -> Trained:
    """The same for a model that was trained here, by its record; the model isn't loaded, and what the record says is returned."""
    record = sha256_file(Path(name) / TRAINED)
    with atomic_folder(folder) as temporary:
        write_json(temporary / POINTER, {**_pointer(name, max_length, query_length), "training": record})
    return read_trained(Path(name), record)


def _pointer(name: str, max_length: int, query_length: int) -> dict[str, object]:
    return {"model": name, "max_length": max_length, **({"query_length": query_length} if query_length else {})}


def read_trained(folder: Path, record: str, *, whole: bool = True) -> Trained:
    """What the record of a model says that was trained here; refused where it, or a file that it names, is another one.

    Where not the whole folder is wanted, the weights are left out.
    """
    if sha256_file(folder / TRAINED) != record:
        raise HaechiError(f"{folder / TRAINED}: another one than the base points to; restore the folder with `dvc checkout`")
    trained = read_record(folder / TRAINED, Trained, "a record of a training")
    for name, expected in trained.files.items():
        if (whole or name in (EXAMPLES, PASSAGES)) and sha256_file(folder / name) != expected:
            raise HaechiError(f"{folder / name}: not the file that {TRAINED} names; restore it with `dvc checkout`")
    return trained


def weight_hash(model: "AnyEncoder | CrossEncoder") -> str:
    """One sha256 over names, shapes and bytes of all weights."""
    if isinstance(model, LIGHT):
        return model.weight_hash()
    digest = hashlib.sha256()
    for key, tensor in sorted(model.state_dict().items()):
        digest.update(f"{key}{tuple(tensor.shape)}{tensor.dtype}".encode())
        digest.update(weight_bytes(tensor))
    return digest.hexdigest()


def weight_bytes(tensor: "Tensor") -> memoryview:
    """The bytes of a weight in row order, whatever its kind of numbers; not copied where it lies so in memory."""
    import torch

    return tensor.detach().cpu().contiguous().reshape(-1).view(torch.uint8).numpy().data


def folder_hash(folder: Path) -> str:
    """The hash of a saved model, weights, tokenizer, prompts and lengths alike: all that decides its vectors.

    It is that of the folder's files, but for what may lie beside a model.
    """
    if not any(folder.rglob("*.json")):
        raise HaechiError(f"{folder}: holds no model")
    digest = hashlib.sha256()
    for file in sorted(file for file in folder.rglob("*") if file.is_file()):
        if (name := file.relative_to(folder).as_posix()) not in BESIDE:
            digest.update(f"{name}\0{sha256_file(file)}\n".encode())
    return digest.hexdigest()[:16]


def _load(folder: Path, name: str) -> "SentenceTransformer":
    from sentence_transformers import SentenceTransformer

    try:
        return SentenceTransformer(str(folder), local_files_only=True, **_options())
    except UNREADABLE as error:
        raise ModelUnreachable(name, f"folder {folder} ({_first_line(error)})") from error


def _first_line(error: Exception) -> str:
    return (str(error).splitlines() or [type(error).__name__])[0][:200]


def _options() -> dict[str, Any]:
    """No code and no pickles of others."""
    return {"device": device(), "trust_remote_code": False, "model_kwargs": {"use_safetensors": True}}


def _limit(model: "SentenceTransformer", length: int) -> None:
    """Read so many tokens of a text; a static table has no length of its own, its tokenizer cuts."""
    from sentence_transformers.sentence_transformer.modules import StaticEmbedding

    if isinstance(first := model[0], StaticEmbedding):
        first.tokenizer.enable_truncation(length)
    else:
        model.max_seq_length = length


def _check_pooling(model: "SentenceTransformer", name: str, expected: str) -> None:
    for module in model.modules():
        mode = getattr(module, "pooling_mode", None)
        if isinstance(mode, str) and mode != expected:
            raise HaechiError(f"model {name}: pooling is {mode}, but this model was trained with {expected}")
