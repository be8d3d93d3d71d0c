"""What dvc.lock says: which stage wrote which file with which bytes, read without DVC."""

import hashlib
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from haechi.pipeline.dvc_yaml import load_stages, overlap, rerun_after
from haechi.runtime.errors import HaechiError
from haechi.runtime.files import parse_yaml, read_yaml

LOCK, PARAMS = "dvc.lock", "params.yaml"
IGNORED = ("*/__pycache__/*", "*.pyc", "*/.DS_Store", "*.swp", "*~")
"""What .dvcignore keeps out of a folder of code."""
FOLDER = ".dir"
"""Ends the hash of a folder, which is that of the list of its files."""


@dataclass(frozen=True)
class Out:
    """An output as dvc.lock knows it."""

    stage: str
    path: str
    md5: str

    @property
    def is_folder(self) -> bool:
        """Whether the hash is that of a list of files."""
        return self.md5.endswith(FOLDER)


def read_lock(folder: Path) -> dict[str, Any]:
    """dvc.lock of a project that has run."""
    if not (folder / LOCK).is_file():
        raise HaechiError(f"{folder / LOCK}: no such file; run `dvc repro` and commit what it wrote")
    return parse_lock((folder / LOCK).read_text(encoding="utf-8"), folder / LOCK)


def parse_lock(text: str, name: Path) -> dict[str, Any]:
    """The same from its text."""
    lock = parse_yaml(text, name)
    if not isinstance(lock.get("stages"), dict):
        raise HaechiError(f"{name}: should hold stages")
    return lock


def outputs(lock: Mapping[str, Any]) -> list[Out]:
    """Every output of every stage, in order of path."""
    found = [Out(stage, out["path"], out["md5"]) for stage, entry in lock["stages"].items() for out in entry.get("outs", [])]
    return sorted(found, key=lambda out: out.path)


def inputs(lock: Mapping[str, Any]) -> dict[tuple[str, str], str]:
    """(stage, input) -> its hash or value: files that no stage wrote, and parameters."""
    made = {out.path for out in outputs(lock)}
    found = {}
    for stage, entry in lock["stages"].items():
        for dep in entry.get("deps", []):
            if not any(overlap(dep["path"], path) for path in made):
                found[stage, dep["path"]] = str(dep.get("md5"))
        for file, values in entry.get("params", {}).items():
            found.update({(stage, f"{file}: {key}"): json.dumps(value, ensure_ascii=False) for key, value in values.items()})
    return found


def why_outdated(root: Path, stage: str, file: str) -> str:
    """Why an output of a stage is not what the present parameters make, as far as dvc.lock tells; empty where it is."""
    lock, stages = read_lock(root), load_stages(root)
    if md5_of(root / file) not in {out.md5 for out in outputs(lock) if out.path == file}:
        return f"{file} is not the file that {LOCK} records"
    later = set(rerun_after(stages, stages[stage].outs)) - {stage}
    present = read_yaml(root / PARAMS)
    made_with = [entry.get("params", {}).get(PARAMS, {}) for name, entry in lock["stages"].items() if name not in later]
    changed = sorted({name for params in made_with for name, value in params.items() if _value(present, name) != value})
    return f"{PARAMS} has changed since {file} was made ({', '.join(changed)})" if changed else ""


def _value(sections: Mapping[str, Any], name: str) -> Any:
    """A section, or `section.key` of it."""
    section, _, key = name.partition(".")
    return sections.get(section, {}).get(key) if key else sections.get(section)


def md5_of(path: Path) -> str:
    """The hash by which DVC knows a file or a folder."""
    if path.is_dir():
        rows = [{"md5": md5, "relpath": name} for name, md5 in sorted(files_of(path))]
        return hashlib.md5(json.dumps(rows, sort_keys=True).encode(), usedforsecurity=False).hexdigest() + FOLDER
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, lambda: hashlib.md5(usedforsecurity=False)).hexdigest()


def files_of(folder: Path) -> Iterator[tuple[str, str]]:
    """(name, hash) of every file in a folder that DVC looks at."""
    for path in folder.rglob("*"):
        if path.is_file() and not any(path.match(pattern) for pattern in IGNORED):
            yield path.relative_to(folder).as_posix(), md5_of(path)


def listed(md5: str, caches: list[Path]) -> dict[str, str] | None:
    """The files of a folder by its hash: name -> hash; None if no cache knows it."""
    for cache in caches:
        file = cache / "files" / "md5" / md5[:2] / md5[2:]
        if file.is_file():
            return {row["relpath"]: row["md5"] for row in json.loads(file.read_text(encoding="utf-8"))}
    return None
