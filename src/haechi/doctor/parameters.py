"""params.yaml, section by section, with the same checks that the stages make."""

import importlib
from dataclasses import is_dataclass
from pathlib import Path

from ruamel.yaml import YAML
from ruamel.yaml.error import YAMLError

from haechi.doctor.finding import Finding
from haechi.errors import HaechiError
from haechi.params.load import load_section


def check_parameters(file: Path) -> list[Finding]:
    """A finding for each section that a stage would refuse; one good one if there is none."""
    try:
        sections = YAML(typ="safe").load(file.read_text(encoding="utf-8"))
    except (FileNotFoundError, UnicodeDecodeError, YAMLError):
        sections = None
    if not isinstance(sections, dict):
        return [Finding("parameters", "fail", f"{file} can't be read", "restore it: `git checkout params.yaml`")]
    bad = []
    for name in map(str, sections):
        try:
            load_section(file, name, _kind(name))
        except HaechiError as error:
            bad.append(Finding("parameters", "fail", str(error), "docs/parameters.md explains every key"))
        except ModuleNotFoundError:
            bad.append(Finding("parameters", "warn", f"{file}: no stage reads section `{name}`", "is it misspelt?"))
    return bad or [Finding("parameters", "ok", f"{len(sections)} sections, every value of its type and in range")]


def _kind(section: str) -> type:
    module = importlib.import_module(f"haechi.params.{section}")
    return next(kind for name, kind in vars(module).items() if name.endswith("Params") and is_dataclass(kind))  # type: ignore[return-value]
