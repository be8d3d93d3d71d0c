"""What the trials of a study have in common: everything that decides a result and is not searched, as hashes."""

from collections.abc import Iterable, Mapping
from hashlib import sha256
from importlib.metadata import version
from pathlib import Path
from typing import Any

import orjson

from haechi.pipeline.dvc_lock import LOCK, md5_of, read_lock
from haechi.pipeline.dvc_yaml import is_code, load_stages
from haechi.runtime.errors import HaechiError
from haechi.runtime.files import read_yaml, sha256_file, sha256_folder

LIBRARIES = ("numpy", "sentence-transformers", "torch", "transformers")
UNREAD = ("evaluate", "testset")
"""Sections that no trial reads."""


def parameters(file: Path, but: Iterable[str] = ()) -> str:
    """The parameters that a trial reads, less those that are searched or fixed."""
    sections = {name: section for name, section in read_yaml(file).items() if name not in UNREAD}
    left_out = {tuple(name.split(".", 1)) for name in but}
    flat = {
        (section, key): value
        for section, keys in sections.items()
        for key, value in (keys or {}).items()
        if (section, key) not in left_out
    }
    return digest([[*name, value] for name, value in sorted(flat.items())])


def code(root: Path, stages: Iterable[str] = ()) -> str:
    """The library's modules that these stages run, or all up to select, and the versions of what trains."""
    listed = load_stages(root)
    wanted = list(stages) or [name for name in listed if name not in ("evaluate", "report")]
    code = {dep: md5_of(root / dep) for name in wanted for dep in listed[name].code if (root / dep).exists()}
    return digest([code, [listed[name].command for name in sorted(wanted)], {name: version(name) for name in LIBRARIES}])


def sources(root: Path) -> str:
    """The files that no stage makes, as DVC last saw them."""
    made = {out for stage in load_stages(root).values() for out in stage.outs}
    if not (root / LOCK).is_file():
        raise HaechiError(f"{root / LOCK}: no such file; run `dvc repro` once, so that trials rerun no more than they must")
    seen = {
        dep["path"]: dep.get("md5", dep.get("hash", ""))
        for stage in read_lock(root)["stages"].values()
        for dep in stage.get("deps", [])
        if dep["path"] not in made and not is_code(dep["path"]) and dep["path"] != "params.yaml"
    }
    return digest(seen)


def inputs(paths: Mapping[str, Path]) -> str:
    """Files and folders by their contents."""
    for path in paths.values():
        if not path.exists():
            raise HaechiError(f"{path}: no such file or folder; run `dvc repro mine`")
    return digest({name: sha256_folder(path) if path.is_dir() else sha256_file(path) for name, path in paths.items()})


def digest(value: Any) -> str:
    """One short hash of plain values."""
    return sha256(orjson.dumps(value, option=orjson.OPT_SORT_KEYS)).hexdigest()[:16]
