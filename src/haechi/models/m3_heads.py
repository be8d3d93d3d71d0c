"""The sparse and multi-vector heads of BGE-M3: two small files beside its weights, as FlagEmbedding reads them.

FlagEmbedding draws heads at random where the files are missing, and sentence-transformers drops them when it saves. So
whoever needs them asks `require_heads`, and whoever saves such a model copies them along.
"""

import shutil
from pathlib import Path

from haechi.models.registry import HEADS
from haechi.runtime.errors import HaechiError


def require_heads(folder: Path) -> None:
    """Refuse a folder without both heads."""
    if missing := [name for name in HEADS if not (folder / name).is_file()]:
        raise HaechiError(
            f"{folder}: {' and '.join(missing)} missing, and the sparse and multi-vector heads would be drawn at random; "
            "take a BGE-M3 with its heads, or train with the sentence-transformers engine"
        )


def has_heads(folder: Path) -> bool:
    """Whether both heads are there."""
    return all((folder / name).is_file() for name in HEADS)


def copy_heads(source: Path, target: Path) -> None:
    """Take the heads along, where there are any."""
    for name in HEADS:
        if (source / name).is_file():
            shutil.copyfile(source / name, target / name)
