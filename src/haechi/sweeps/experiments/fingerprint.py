"""What the trials of a study have in common: everything that decides a result and is not searched, as hashes."""

import itertools
import shlex
from collections.abc import Iterable, Mapping
from hashlib import sha256
from importlib.metadata import version
from pathlib import Path
from typing import Any

import orjson
from ruamel.yaml import YAML

from haechi.runtime.errors import HaechiError
from haechi.runtime.files import read_text, sha256_file, sha256_folder

LIBRARIES = ("numpy", "sentence-transformers", "torch", "transformers")
UNREAD = ("evaluate", "testset")
"""Sections that no trial reads."""


def parameters(file: Path, but: Iterable[str] = ()) -> str:
    """The parameters that a trial reads, less those that are searched or fixed."""
    sections = {name: section for name, section in _yaml(file).items() if name not in UNREAD}
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
    listed = _stages(root)
    wanted = list(stages) or [name for name in listed if name not in ("evaluate", "report")]
    files = sorted({dep for name in wanted for dep in _paths(listed[name].get("deps")) if dep.endswith(".py")})
    found = {file: sha256_file(root / file) for file in files if (root / file).is_file()}
    return digest([found, [listed[name]["cmd"] for name in sorted(wanted)], {name: version(name) for name in LIBRARIES}])


def sources(root: Path) -> str:
    """The files that no stage makes, as DVC last saw them."""
    listed = _stages(root)
    made = {out for stage in listed.values() for kind in ("outs", "metrics") for out in _paths(stage.get(kind))}
    lock = root / "dvc.lock"
    if not lock.is_file():
        raise HaechiError(f"{lock}: no such file; run `dvc repro` once, so that trials rerun no more than they must")
    seen = {
        dep["path"]: dep.get("md5", dep.get("hash", ""))
        for stage in _yaml(lock)["stages"].values()
        for dep in stage.get("deps", [])
        if dep["path"] not in made and not dep["path"].endswith(".py") and dep["path"] != "params.yaml"
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


def options(root: Path, stage: str) -> dict[str, Path]:
    """The paths that a stage's command in dvc.yaml names, by option."""
    words = shlex.split(_stages(root)[stage]["cmd"])
    return {name: root / value for name, value in itertools.pairwise(words) if name.startswith("--")}


def _stages(root: Path) -> dict[str, Any]:
    found = _yaml(root / "dvc.yaml").get("stages")
    if not isinstance(found, dict):
        raise HaechiError(f"{root / 'dvc.yaml'}: holds no stages; run this in the folder of the pipeline")
    return found


def _paths(entries: Any) -> list[str]:
    return [entry if isinstance(entry, str) else next(iter(entry)) for entry in entries or []]


def _yaml(file: Path) -> dict[str, Any]:
    value = YAML(typ="safe").load(read_text(file))
    if not isinstance(value, dict):
        raise HaechiError(f"{file}: should hold keys and values, found {type(value).__name__}")
    return value
