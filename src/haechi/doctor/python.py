"""The interpreter and the packages, against what the project asks for and what it was tested with."""

import tomllib
from collections.abc import Callable, Mapping
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name
from packaging.version import Version

from haechi.doctor.finding import Finding, some

INSTALL = "pip install -e . -c constraints.txt"

BUILDERS = {"pip", "setuptools", "wheel"}
"""They build packages and don't run with them."""

EXTRAS = {"onnx": ("onnxruntime", "onnxscript"), "openvino": ("openvino",), "flagembedding": ("FlagEmbedding",)}
"""Those that a parameter may ask for, and what they install."""

Installed = Callable[[str], str | None]


def installed(name: str) -> str | None:
    """The version of an installed package."""
    try:
        return version(name)
    except PackageNotFoundError:
        return None


def check_python(running: tuple[int, ...], root: Path) -> Finding:
    """The interpreter against requires-python."""
    wanted = Requirement(f"python{_project(root).get('requires-python', '')}")
    found = ".".join(map(str, running[:3]))
    if not wanted.specifier.contains(found):
        return Finding(
            "python", "fail", f"{found}, but {wanted.specifier} is needed", "make a virtual environment of such a Python"
        )
    return Finding("python", "ok", found)


def check_packages(root: Path, find: Installed = installed) -> Finding:
    """Every dependency is there and new enough; versions other than the tested ones are only said."""
    needed = [Requirement(line) for line in _project(root).get("dependencies", [])]
    bad = []
    for want in needed:
        found = find(want.name)
        if found is None:
            bad.append(f"{want.name} is missing")
        elif not want.specifier.contains(Version(found).public, prereleases=True):
            bad.append(f"{want.name} is {found}, {want.specifier} is needed")
    if bad:
        return Finding("packages", "fail", some(bad), INSTALL)
    pinned = _pins(root / "constraints.txt")
    others = [
        f"{name} is {found}, tested with {pin}"
        for name, pin in pinned.items()
        if name not in BUILDERS and (found := find(name)) is not None and Version(found).public != Version(pin).public
    ]
    if others:
        return Finding("packages", "warn", some(others), f"figures may differ from those in the documents; {INSTALL}")
    return Finding("packages", "ok", f"{len(needed)} dependencies, all installed packages in the tested versions")


def check_extras(sections: Mapping[str, Any], find: Installed = installed) -> Finding:
    """What parameters ask for beyond the dependencies; else hours may pass before a stage misses it."""
    mine, train, select = (sections.get(name) or {} for name in ("mine", "train", "select"))
    asked = {form: f"select.export: {form}" for form in select.get("export") or ()}
    if train.get("engine") == "flagembedding":
        asked["flagembedding"] = "train.engine: flagembedding"
    if mine.get("reranker") and mine.get("reranker_prescore") == "int8":
        asked["openvino"] = "mine.reranker_prescore: int8"
    lacking = [name for name in asked if not all(find(package) for package in EXTRAS.get(name, ()))]
    if lacking:
        said = some([f"{asked[name]} needs the extra `{name}`" for name in lacking])
        return Finding("extras", "fail", said, f"pip install -e '.[{','.join(lacking)}]' -c constraints.txt")
    return Finding("extras", "ok", some([f"{why} has what it needs" for why in asked.values()]) or "no parameter asks for one")


def _project(root: Path) -> Mapping[str, list[str]]:
    file = root / "pyproject.toml"
    return tomllib.loads(file.read_text(encoding="utf-8")).get("project", {}) if file.exists() else {}


def _pins(file: Path) -> dict[str, str]:
    """Package -> version, of the lines `name==version`."""
    lines = file.read_text(encoding="utf-8").splitlines() if file.exists() else []
    pairs = [line.partition("#")[0].strip().split("==") for line in lines]
    return {canonicalize_name(pair[0]): pair[1].partition(";")[0].strip() for pair in pairs if len(pair) == 2}
