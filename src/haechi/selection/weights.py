"""Model folders -> one model folder whose weights are a mixture of theirs.

Sentence-transformers' own `merge` holds every model beside the result. Here a tensor is read from one folder after the other and
added up, so a mixture of any number takes two of the largest tensors besides the result. Tests compare the two.
The heads of a BGE-M3 are weights like any other.
"""

import filecmp
import re
import shutil
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from haechi.models.registry import HEADS
from haechi.runtime.errors import HaechiError
from haechi.runtime.files import atomic_folder, read_json
from haechi.static_model.composition import FILE as COMPOSITION

if TYPE_CHECKING:
    from torch import Tensor

Floats = npt.NDArray[np.float32]
BLOCK = 1 << 20  # numbers added at once
WEIGHTS = "*.safetensors"
WORDS = ("tokenizer.json", "vocab.txt", "sentencepiece.bpe.model", "spiece.model", "tokenizer.model")
"""Files that say which number a piece of text has; the first that is there counts."""


@dataclass(frozen=True)
class Share:
    """How much of a model enters a mixture."""

    folder: Path
    part: float


Recipe = Callable[[str], Sequence[Share]]
"""Name of a tensor -> what it is mixed of."""


def blend(shares: Sequence[Share], out: Path) -> None:
    """Every tensor is the same weighted sum; the rest of the folder is that of the first."""
    mix([share.folder for share in shares], lambda name: shares, out)


def patch(first: Path, modules: Mapping[str, Path], out: Path) -> None:
    """Every module (see `modules_of`) as it is in the folder named for it; the rest is that of the first."""
    folders = list(dict.fromkeys([first, *modules.values()]))
    mix(folders, lambda name: [Share(modules.get(module(name), first), 1.0)], out)


def mix(folders: Sequence[Path], recipe: Recipe, out: Path) -> None:
    """Write the mixture, a weight file at a time."""
    check_alike(folders)
    with atomic_folder(out) as temporary:
        first = folders[0]
        weights = {file.relative_to(first) for file in weight_files(first)}
        for file in sorted(path for path in first.rglob("*") if path.is_file() and path.name != COMPOSITION):
            name = file.relative_to(first)
            (temporary / name).parent.mkdir(parents=True, exist_ok=True)
            if name not in weights:
                shutil.copyfile(file, temporary / name)
        for name in sorted(weights):
            _mix_file(first / name, name, recipe, temporary / name)


def modules_of(folder: Path) -> list[str]:
    """The parts that a model can be put together from, in the order of its files: a layer, or what stands beside the layers.

    The further heads of a BGE-M3 are none: what is scored here is its dense vector.
    """
    files = [file for file in weight_files(folder) if file.suffix == ".safetensors"]
    return list(dict.fromkeys(module(_full(folder, file, name)) for file in files for name in _read(file)))


def module(name: str) -> str:
    """The part that a tensor belongs to: `encoder.layer.3` of `encoder.layer.3.output.dense.weight`."""
    file, _, tensor = name.rpartition("|")
    layer = re.match(r".*?\.\d+(?=\.)", tensor)
    return f"{file}|{layer[0] if layer else tensor.rpartition('.')[0].partition('.')[0]}"


def weight_files(folder: Path) -> list[Path]:
    """The files of a model that hold weights; what its pieces are made of is folded into them."""
    return [
        *sorted(file for file in folder.rglob(WEIGHTS) if file.name != COMPOSITION),
        *(folder / name for name in sorted(HEADS) if (folder / name).is_file()),
    ]


def check_alike(folders: Sequence[Path]) -> None:
    """Refuse folders whose weights can't be added up: other tensors, other shapes, other words."""
    first, *others = folders
    shapes = _shapes(first)
    if not shapes:
        raise HaechiError(f"{first}: holds no weights (*.safetensors); it can't be merged")
    for other in others:
        others_shapes = _shapes(other)
        if odd := sorted(shapes.keys() ^ others_shapes.keys()):
            lacks = other if odd[0] in shapes else first
            raise HaechiError(f"{other}: can't be merged with {first.name}: {lacks.name} has no weight {odd[0]}")
        if changed := [name for name in shapes if shapes[name] != others_shapes[name]]:
            name = changed[0]
            raise HaechiError(
                f"{other}: can't be merged with {first.name}: {name} has the shape {others_shapes[name]}, not {shapes[name]}; "
                "merge models of one base only, and leave out select.interpolations if the base has another vocabulary"
            )
        if not _same_words(first, other):
            raise HaechiError(
                f"{other}: can't be merged with {first.name}: its vocabulary is another, so the same row means another word; "
                "merge models of one base only, and leave out select.interpolations if that is the base"
            )


def _mix_file(first: Path, name: Path, recipe: Recipe, target: Path) -> None:
    if _single_precision(first):
        _mix_single(first, name, recipe, target)
        return
    import torch
    from safetensors import safe_open
    from safetensors.torch import save_file

    made: dict[str, Tensor] = {}
    for tensor in _read(first):
        shares = recipe(f"{name}|{tensor}")
        made[tensor] = _sum([(share.folder / name, share.part) for share in shares], tensor)
    if name.suffix == ".safetensors":
        with safe_open(first, "pt") as stored:
            metadata = stored.metadata()
        save_file(made, target, metadata=metadata)
    else:
        torch.save(made, target)


def _single_precision(file: Path) -> bool:
    """Whether numpy adds all of its weights as torch does, which takes longer to import than a table to add."""
    from safetensors import safe_open

    if file.suffix != ".safetensors":
        return False
    with safe_open(file, "np") as stored:
        return {stored.get_slice(name).get_dtype() for name in stored.keys()} == {"F32"}  # noqa: SIM118  (no mapping)


def _mix_single(first: Path, name: Path, recipe: Recipe, target: Path) -> None:
    """`_mix_file` without torch."""
    from safetensors import safe_open
    from safetensors.numpy import save_file

    def read(share: Share, tensor: str) -> Floats:
        with safe_open(share.folder / name, "np") as stored:
            return np.asarray(stored.get_tensor(tensor), dtype=np.float32)

    made: dict[str, Floats] = {}
    for tensor in _read(first):
        share, *rest = recipe(f"{name}|{tensor}")
        made[tensor] = read(share, tensor) if share.part == 1.0 and not rest else read(share, tensor) * np.float32(share.part)
        for share in rest:
            _add(made[tensor].reshape(-1), read(share, tensor).reshape(-1), share.part)
    with safe_open(first, "np") as stored:
        metadata = stored.metadata()
    save_file(made, target, metadata=metadata)


def _add(total: Floats, other: Floats, part: float) -> None:
    """Add a part of the other, product and sum rounded once, as processors do that multiply and add at a time."""
    for start in range(0, len(total), BLOCK):
        span = slice(start, start + BLOCK)
        total[span] = total[span].astype(np.float64) + other[span].astype(np.float64) * np.float64(np.float32(part))


def _sum(parts: Sequence[tuple[Path, float]], tensor: str) -> "Tensor":
    """The weighted sum, in 32 bits at least; what counts rather than weighs is taken from the first."""
    (file, part), *rest = parts
    one = _tensor(file, tensor)
    if not one.is_floating_point() or (part == 1.0 and not rest):
        return one
    kind = one.dtype
    total = one.float().mul_(part) if kind.itemsize < 4 else one * part  # in place it would be copied page by page from the file
    del one
    for file, part in rest:
        total.add_(_tensor(file, tensor), alpha=part)
    return total.to(kind)


def _tensor(file: Path, name: str) -> "Tensor":
    if file.suffix != ".safetensors":
        return _head(file)[name]
    from safetensors import safe_open

    with safe_open(file, "pt") as stored:
        tensor: Tensor = stored.get_tensor(name)
    return tensor


def _read(file: Path) -> list[str]:
    """Names of the tensors of a file."""
    if file.suffix != ".safetensors":
        return list(_head(file))
    from safetensors import safe_open

    with safe_open(file, "np") as stored:
        return sorted(stored.keys(), key=_natural)


def _shapes(folder: Path) -> dict[str, tuple[int, ...]]:
    from safetensors import safe_open

    shapes: dict[str, tuple[int, ...]] = {}
    for file in weight_files(folder):
        if file.suffix == ".safetensors":
            with safe_open(file, "np") as stored:
                shape_of = {name: tuple(stored.get_slice(name).get_shape()) for name in stored.keys()}  # noqa: SIM118  (no mapping)
        else:
            shape_of = {name: tuple(tensor.shape) for name, tensor in _head(file).items()}
        shapes |= {_full(folder, file, name): shape for name, shape in shape_of.items()}
    return shapes


def _head(file: Path) -> dict[str, "Tensor"]:
    import torch

    tensors: dict[str, Tensor] = torch.load(file, map_location="cpu", weights_only=True)
    return tensors


def _full(folder: Path, file: Path, name: str) -> str:
    return f"{file.relative_to(folder).as_posix()}|{name}"


def _natural(name: str) -> list[Any]:
    """Layer 10 after layer 9."""
    return [(0, int(part), "") if part.isdigit() else (1, 0, part) for part in name.split(".")]


def _same_words(one: Path, other: Path) -> bool:
    """Whether every piece has the same number in both: how a tokenizer weighs, cuts and pads may differ between two savings."""
    first, second = (next((folder / name for name in WORDS if (folder / name).is_file()), None) for folder in (one, other))
    if first is None or second is None or first.name != second.name:
        return first is second
    if filecmp.cmp(first, second, shallow=False):
        return True
    return first.name == WORDS[0] and _numbers(first) == _numbers(second)


def _numbers(file: Path) -> tuple[object, list[object]]:
    """Which number each piece has; from the file, since a tokenizer of a hundred thousand pieces takes half a second to make."""
    tokenizer = read_json(file)
    vocabulary = tokenizer["model"]["vocab"]
    pieces = [piece for piece, _ in vocabulary] if isinstance(vocabulary, list) else vocabulary
    return pieces, [(added["content"], added["id"]) for added in tokenizer.get("added_tokens", [])]
