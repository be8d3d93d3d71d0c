"""The sparse and multi-vector heads of BGE-M3: two small files beside its weights, as FlagEmbedding reads them.

FlagEmbedding draws heads at random where the files are missing, and sentence-transformers drops them when it saves. So
whoever needs them asks `require_heads`, and whoever saves such a model copies them along.
"""

import shutil
from pathlib import Path

from haechi.models import e5_wheel
from haechi.models.registry import known
from haechi.runtime.errors import HaechiError, ModelUnreachable

HEADS = ("colbert_linear.pt", "sparse_linear.pt")


def folder_of(name: str) -> Path:
    """The folder of a model by alias, hub id or path; one of the hub is looked for in the local cache."""
    from huggingface_hub import snapshot_download
    from huggingface_hub.errors import LocalEntryNotFoundError

    if Path(name).is_dir():
        return Path(name)
    entry = known(name)
    id = entry.id if entry else name
    try:
        return Path(snapshot_download(id, local_files_only=True))
    except (LocalEntryNotFoundError, ValueError) as error:
        if folder := e5_wheel.unpacked(id):
            return folder
        raise ModelUnreachable(name, f"folder {name} and the local hub cache ({id})") from error


def require_heads(folder: Path) -> None:
    """Refuse a folder without both heads."""
    if missing := [name for name in HEADS if not (folder / name).is_file()]:
        raise HaechiError(
            f"{folder}: {' and '.join(missing)} missing, and the sparse and multi-vector heads would be drawn at random; "
            "take a BGE-M3 with its heads, or train with the sentence-transformers engine"
        )


def copy_heads(source: Path, target: Path) -> None:
    """Take the heads along, where there are any."""
    for name in HEADS:
        if (source / name).is_file():
            shutil.copyfile(source / name, target / name)
