"""All of params.yaml before the first work: whichever stage runs first refuses what a later one would."""

import importlib
from pathlib import Path
from typing import Any

from haechi.runtime.errors import ParamsError
from haechi.runtime.params import load_section, meant, read
from haechi.runtime.sections import section_classes


def check_file(path: Path) -> None:
    """Refuse a file in which any stage would find a fault."""
    if found := problems(path):
        raise ParamsError(found[0])


def problems(path: Path) -> list[str]:
    """A sentence for each fault of any section, and for sections that can't work together."""
    kinds, there = section_classes(), read(path)
    said = [_unknown(path, name, kinds) for name in map(str, there) if name not in kinds]
    sections: dict[str, Any] = {}
    for name, kind in kinds.items():
        try:
            if name in there:
                sections[name] = load_section(path, name, kind)
        except ParamsError as error:
            said.append(str(error))
    said += [f"{path}: section `{name}` is missing" for name in kinds if name not in there]
    return said or _together(path, sections)


def _together(path: Path, sections: dict[str, Any]) -> list[str]:
    """What is sound key by key and can't work as a whole."""
    writer, llm = (sections[name] for name in ("generate_qa", "llm"))
    if writer.generator == "openai" and not any(llm.styles.values()):
        return [f"{path}: llm.styles: every share is 0, so there is nothing to ask for"]
    rules = importlib.import_module("haechi.training.param_rules")
    recipe = [sections[name] for name in ("train", "loss", "lora")]
    try:
        rules.check_recipe(*recipe)
        if sections["model"].base == "static":
            rules.check_static(*recipe)
    except ParamsError as error:
        return [f"{path}: {error}"]
    return []


def _unknown(path: Path, name: str, kinds: dict[str, type]) -> str:
    return f"{path}: section `{name[:80]}` is unknown{meant(name, kinds)}; the sections are {', '.join(kinds)}"
