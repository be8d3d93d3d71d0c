"""All of params.yaml before the first work: whichever stage runs first refuses what a later one would.

Sections are found by their modules' names when the check runs, and imported only then. A static import would make every stage
depend on the parameters of all others, though their values change nothing in what it makes.
"""

import importlib
from dataclasses import is_dataclass
from pathlib import Path
from typing import Any

from haechi.errors import ParamsError
from haechi.params.load import load_section, meant, read

HERE = Path(__file__).parent


def check_file(path: Path) -> None:
    """Refuse a file in which any stage would find a fault."""
    if found := problems(path):
        raise ParamsError(found[0])


def problems(path: Path) -> list[str]:
    """A sentence for each fault of any section, and for sections that can't work together."""
    kinds, there = section_kinds(), read(path)
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


def section_kinds() -> dict[str, type]:
    """Section -> its dataclass, for every module that defines one."""
    modules = {file.stem: importlib.import_module(f"haechi.params.{file.stem}") for file in sorted(HERE.glob("[!_]*.py"))}
    return {
        section: kind
        for section, module in modules.items()
        for name, kind in vars(module).items()
        if name.endswith("Params") and is_dataclass(kind) and isinstance(kind, type) and kind.__module__ == module.__name__
    }


def _together(path: Path, sections: dict[str, Any]) -> list[str]:
    """What is sound key by key and can't work as a whole."""
    mine, writer, llm = (sections[name] for name in ("mine", "generate_qa", "llm"))
    if mine.promote == "agreement" and not mine.reranker:
        return [f"{path}: mine.promote: agreement is between the reranker and citations, and mine.reranker is empty"]
    if writer.generator == "openai" and not any(llm.styles.values()):
        return [f"{path}: llm.styles: every share is 0, so there is nothing to ask for"]
    rules = importlib.import_module("haechi.params.training_rules")
    recipe = [sections[name] for name in ("train", "loss", "lora")]
    try:
        rules.check_recipe(*recipe)
        if sections["model"].base == "embedded":
            rules.check_static(*recipe)
    except ParamsError as error:
        return [f"{path}: {error}"]
    return []


def _unknown(path: Path, name: str, kinds: dict[str, type]) -> str:
    return f"{path}: section `{name[:80]}` is unknown{meant(name, kinds)}; the sections are {', '.join(kinds)}"
