"""params.yaml -> one frozen dataclass a section, read as YAML 1.2 and checked before any work.

Read with ruamel, never PyYAML: `dvc exp run -S train.lr=5e-5` writes `5e-05`, which YAML 1.1 takes for a string.
"""

from dataclasses import fields
from pathlib import Path
from typing import Any, TypeVar

import msgspec
from ruamel.yaml import YAML
from ruamel.yaml.error import YAMLError

from haechi.errors import ParamsError

S = TypeVar("S")


def load_section(path: Path, name: str, kind: type[S]) -> S:
    """Section `name` of params.yaml as a `kind`; unknown or missing keys, wrong types and bad values are one sentence."""
    sections = _read(path)
    if name not in sections:
        raise ParamsError(f"{path}: section `{name}` is missing")
    section = sections[name]
    if not isinstance(section, dict):
        raise ParamsError(f"{path}: section `{name}` should hold keys and values, found {section!r}")
    known = [field.name for field in fields(kind)]  # type: ignore[arg-type]
    for key in section:
        if key not in known:
            raise ParamsError(f"{path}: {name}.{key} is unknown; {name} has {', '.join(known)}")
    for key in known:
        if key not in section:
            raise ParamsError(f"{path}: {name}.{key} is missing")
    try:
        return msgspec.convert(section, kind)
    except msgspec.ValidationError as error:
        problem, _, place = str(error).partition(" - at `$")
        key = place.rstrip("`")
        top = key[1:].partition("[")[0]
        found = f", found {section[top]!r}" if top in section else ""
        raise ParamsError(f"{path}: {name}{key}: {problem[0].lower()}{problem[1:]}{found}") from error


def _read(path: Path) -> dict[str, Any]:
    try:
        value = YAML(typ="safe").load(path.read_text(encoding="utf-8"))
    except FileNotFoundError as error:
        raise ParamsError(f"{path}: no such file; stages read their parameters from it") from error
    except (YAMLError, UnicodeDecodeError) as error:
        reason = " ".join(str(error).split())
        raise ParamsError(f"{path}: not YAML ({reason})") from error
    if not isinstance(value, dict):
        raise ParamsError(f"{path}: should hold one section a stage, found {type(value).__name__}")
    return value
