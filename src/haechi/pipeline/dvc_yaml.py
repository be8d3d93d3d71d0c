"""dvc.yaml as data: each stage with its command, what it takes and what it gives."""

import itertools
import shlex
import sys
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from haechi.runtime.errors import HaechiError
from haechi.runtime.files import read_yaml

FILE = "dvc.yaml"
CODE = ("src/", "stages/")


@dataclass(frozen=True)
class Stage:
    """One entry of dvc.yaml."""

    name: str
    description: str
    command: tuple[str, ...]
    frozen: bool
    deps: tuple[str, ...]
    sections: tuple[str, ...]
    """Of params.yaml; `select.unseen_weight` where one key of a section is read."""
    outs: tuple[str, ...]
    """Outputs, metrics and plots."""
    in_git: tuple[str, ...]
    """Those of `outs` that git keeps, not DVC's cache."""

    @property
    def code(self) -> tuple[str, ...]:
        """Its script and the rooms or modules that it runs."""
        return tuple(dep for dep in self.deps if is_code(dep))

    @property
    def script(self) -> str | None:
        """The script of `python stages/x.py`; None for other commands."""
        return next((word for word in self.command if word.startswith("stages/")), None)

    def options(self, root: Path) -> dict[str, Path]:
        """The paths that its command names, by option."""
        return {name: root / value for name, value in itertools.pairwise(self.command) if name.startswith("--")}


def load_stages(root: Path) -> dict[str, Stage]:
    """All stages, in the order of the file."""
    entries = read_yaml(root / FILE).get("stages")
    if not isinstance(entries, dict):
        raise HaechiError(f"{root / FILE}: holds no stages; run this in the folder of the pipeline")
    return {name: _stage(name, entry) for name, entry in entries.items()}


def load_stage(root: Path, name: str) -> Stage:
    """One stage that must be there."""
    stages = load_stages(root)
    if name not in stages:
        raise HaechiError(f"{root / FILE}: no stage {name}; it has {', '.join(stages)}")
    return stages[name]


def stage_command(root: Path, name: str, beside: Path, changed: Mapping[str, Path] | None = None) -> list[str]:
    """A stage's own command that writes below another folder and reads there what is there already, else in the project.

    What it writes is what dvc.yaml says, so an output that a stage gets later can't be forgotten here. `changed` gives options
    other values.
    """
    stage = load_stage(root, name)
    outs = [Path(out) for out in stage.outs]
    words = list(stage.command)
    for place, word in enumerate(words):
        if any(out.is_relative_to(word) for out in outs) or ("/" in word and (beside / word).exists()):
            words[place] = str(beside / word)
    for option, value in (changed or {}).items():
        if option not in words:
            raise HaechiError(f"{root / FILE}: the command of stage {name} has no {option}")
        words[words.index(option) + 1] = str(value)
    return [sys.executable, *words[1:]]


def rerun_after(stages: Mapping[str, Stage], paths: Iterable[str] = (), section: str = "") -> list[str]:
    """Stages that may rerun after a change of these paths or of this section of params.yaml, in the order of dvc.yaml.

    `section.key` are those that name that key alone, and a change of the whole section doesn't look at them.
    A stage whose inputs come out with the same bytes is skipped in the end. A frozen stage never reruns by itself.
    """
    changed, rerun = set(paths), set[str]()
    grew = True
    while grew:
        grew = False
        for name, stage in stages.items():
            reads = any(overlap(dep, path) for dep in stage.deps for path in changed)
            if name not in rerun and not stage.frozen and (reads or section in stage.sections):
                rerun.add(name)
                changed.update(stage.outs)
                grew = True
    return [name for name in stages if name in rerun]


def feeds(first: Stage, second: Stage) -> bool:
    """Whether one stage reads what another writes."""
    return any(overlap(out, dep) for out in first.outs for dep in second.deps)


def overlap(one: str, other: str) -> bool:
    """Whether two paths are the same or one lies in the other."""
    return f"{one}/".startswith(f"{other}/") or f"{other}/".startswith(f"{one}/")


def is_code(path: str) -> bool:
    """Whether a dependency is code, not data."""
    return path.startswith(CODE)


def _stage(name: str, entry: Mapping[str, Any]) -> Stage:
    groups = [entry.get(kind) or () for kind in ("outs", "metrics", "plots")]
    outs = [(_name(out), out) for group in groups for out in group]
    return Stage(
        name,
        str(entry.get("desc", "")),
        tuple(shlex.split(str(entry["cmd"]))),
        bool(entry.get("frozen")),
        tuple(_name(dep) for dep in entry.get("deps") or ()),
        tuple(dict.fromkeys(_name(param) for param in entry.get("params") or ())),
        tuple(path for path, _ in outs),
        tuple(path for path, out in outs if isinstance(out, dict) and out[path].get("cache") is False),
    )


def _name(entry: str | Mapping[str, Any]) -> str:
    """An entry of a list in dvc.yaml is a path, or `path: {options}`."""
    return entry if isinstance(entry, str) else next(iter(entry))
