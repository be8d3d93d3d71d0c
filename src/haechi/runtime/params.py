"""params.yaml -> one frozen dataclass a section, read as YAML 1.2 and checked before any work.

Read with ruamel, never PyYAML: `dvc exp run -S train.lr=5e-5` writes `5e-05`, which YAML 1.1 takes for a string.
"""

from collections.abc import Iterable
from dataclasses import fields
from difflib import get_close_matches
from functools import lru_cache
from pathlib import Path
from typing import Any, Literal, TypeVar, get_args, get_origin, get_type_hints

import msgspec
from ruamel.yaml import YAML
from ruamel.yaml.error import YAMLError

from haechi.runtime.errors import ParamsError
from haechi.runtime.renamed import renamed, renamed_value

S = TypeVar("S")
MOST = 200
"""Characters of a value that a sentence shows."""


def load_section(path: Path, name: str, kind: type[S]) -> S:
    """Section `name` of params.yaml as a `kind`; unknown or missing keys, wrong types and bad values are one sentence."""
    sections = read(path)
    if name not in sections:
        raise ParamsError(f"{path}: section `{name}` is missing")
    section = sections[name]
    if not isinstance(section, dict):
        raise ParamsError(f"{path}: section `{name}` should hold keys and values, found {_shown(section)}")
    known = [field.name for field in fields(kind)]  # type: ignore[arg-type]
    for key, value in section.items():
        if key not in known:
            unknown = f"{name}.{str(key)[:80]} is unknown{meant(key, known)}; {name} has {', '.join(known)}"
            raise ParamsError(f"{path}: {renamed(f'{name}.{key}') or unknown}")
        if old := renamed_value(f"{name}.{key}", value):
            raise ParamsError(f"{path}: {old}")
    for key in known:
        if key not in section:
            raise ParamsError(f"{path}: {name}.{key} is missing")
    try:
        return msgspec.convert(section, kind)
    except msgspec.ValidationError as error:
        raise ParamsError(f"{path}: {name}{_problem(str(error), section, kind)}") from error


def load_value(path: Path, name: str, kind: type) -> Any:
    """One parameter, `section.key`, for a stage that the rest of its section doesn't concern; the section is checked whole."""
    section, _, key = name.partition(".")
    return getattr(load_section(path, section, kind), key)


def read(path: Path) -> dict[str, Any]:
    """All sections as plain values, which nobody may change: the text is parsed once a process."""
    try:
        value = _parsed(path.read_text(encoding="utf-8"))
    except FileNotFoundError as error:
        raise ParamsError(f"{path}: no such file; stages read their parameters from it") from error
    except (YAMLError, UnicodeDecodeError) as error:
        reason = " ".join(str(error).split())
        raise ParamsError(f"{path}: not YAML ({reason[:MOST]})") from error
    if not isinstance(value, dict):
        raise ParamsError(f"{path}: should hold one section a stage, found {type(value).__name__}")
    return value


def meant(word: object, known: Iterable[str]) -> str:
    """The question whether a known word that looks alike was meant; empty where none does."""
    near = get_close_matches(str(word)[:80], list(known), n=1)
    return f" (did you mean {near[0]}?)" if near else ""


@lru_cache(maxsize=1)
def _parsed(text: str) -> Any:
    return YAML(typ="safe").load(text)


def _problem(said: str, section: dict[str, Any], kind: type) -> str:
    """What msgspec says, with the value, and with what a choice may be: `.name: expected one of a, b, found 'c'`."""
    problem, _, place = said.partition(" - at `")
    of_key, _, inner = place.rpartition("in `")
    key = inner.rstrip("`").removeprefix("$")
    top = key[1:].partition("[")[0]
    found = f", found {_shown(section[top])}" if top in section else ""
    if problem.startswith("Invalid enum value "):
        value = problem.removeprefix("Invalid enum value ").strip("'")
        choices = _choices(get_type_hints(kind)[top], bool(of_key))
        return f"{key}: expected one of {', '.join(choices)}, found {_shown(value)}{meant(value, choices)}"
    return f"{key}: {problem[0].lower()}{problem[1:]}{found}"


def _choices(hint: Any, of_key: bool) -> tuple[str, ...]:
    """The words that a parameter's type lets one choose from; of a mapping, those of its keys or of its values."""
    if get_origin(hint) is Literal:
        return get_args(hint)
    inner = [argument for argument in get_args(hint) if argument is not ...]
    return _choices(inner[0 if of_key else -1], of_key=False)


def _shown(value: object) -> str:
    text = repr(value)
    return text if len(text) <= MOST else f"{text[:MOST]}..."
