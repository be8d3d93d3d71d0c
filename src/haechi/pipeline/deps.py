"""Whether the rooms that a stage names in dvc.yaml are those that it imports: none is missing, none is there for nothing.

DVC doesn't follow imports; a stage whose deps are short keeps a stale result, one whose deps are long reruns for nothing.
Imports are followed wherever they stand, in functions too, but not under `if TYPE_CHECKING`. A package's data files (prompts)
count with its modules. Modules that are imported by a computed name are not seen; the test that runs every stage and looks at
what it loaded would catch one.
"""

import ast
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TypeGuard

from haechi.pipeline.dvc_lock import inputs, md5_of, read_lock
from haechi.pipeline.dvc_yaml import FILE, Stage, is_code
from haechi.runtime.errors import HaechiError

PACKAGE = "haechi"
DATA = "*.md"
BOOTSTRAP = "stages/_here.py"
"""Every script imports it first."""


@dataclass(frozen=True)
class Coverage:
    """What a stage runs, held against what it names."""

    stage: str
    missing: tuple[str, ...]
    """Files that it runs and no dep covers."""
    useless: tuple[str, ...]
    """Deps of code that hold nothing that it runs."""
    needless: tuple[str, ...]
    """Modules in a room that it names, and doesn't run: it reruns when one of them changes, and writes the same bytes."""


def coverage(root: Path, stage: Stage) -> Coverage | None:
    """None where the command is no script of `stages/`."""
    if stage.script is None:
        return None
    runs = [BOOTSTRAP, stage.script, *stage_modules(root, Path(stage.script))]
    named = {dep: _files(root, dep) for dep in stage.code}
    held = {file for files in named.values() for file in files}
    return Coverage(
        stage.name,
        tuple(file for file in runs if file not in held),
        tuple(dep for dep, files in named.items() if not files & set(runs)),
        tuple(sorted(file for file in held - set(runs) if file.endswith(".py") and not file.endswith("__init__.py"))),
    )


def check(root: Path, stages: Mapping[str, Stage]) -> list[Coverage]:
    """The coverage of every stage; the first thing wrong is an error that says what to change."""
    coverages = [found for stage in stages.values() if (found := coverage(root, stage))]
    for found in coverages:
        if found.missing:
            room = Path(found.missing[0]).parent.as_posix()
            raise HaechiError(
                f"{FILE}: stage {found.stage} imports {found.missing[0]}, which none of its deps holds; add it, or {room}"
            )
        if found.useless:
            raise HaechiError(f"{FILE}: stage {found.stage} runs nothing of its dep {found.useless[0]}; remove it")
    return coverages


def outdated(root: Path) -> list[tuple[str, str]]:
    """(stage, dep) wherever dvc.lock was made with other code than lies here; of frozen stages too, which DVC passes over."""
    code = {(stage, name): md5 for (stage, name), md5 in inputs(read_lock(root)).items() if is_code(name)}
    return [place for place, md5 in code.items() if not (file := root / place[1]).exists() or md5_of(file) != md5]


def stage_modules(root: Path, script: Path) -> list[str]:
    """Paths, relative to the root, of all library modules that a script imports, transitively, with the data beside them."""
    modules: set[Path] = set()
    todo = [root / script]
    while todo:
        for module in _imported(root, todo.pop()):
            if module not in modules:
                modules.add(module)
                todo.append(module)
    for module in modules:
        if module.name == "__init__.py" and not _only_says(module):
            raise HaechiError(f"{module}: a room's __init__ holds its docstring alone; every stage would depend on its imports")
    modules |= {file for folder in {module.parent for module in modules} for file in folder.glob(DATA)}
    return sorted(m.relative_to(root).as_posix() for m in modules if m.name != "__init__.py")


def room_of(file: str) -> str:
    """The room of a module: `mining` of `src/haechi/mining/filters.py`."""
    return Path(file).relative_to(f"src/{PACKAGE}").parts[0]


def _files(root: Path, dep: str) -> set[str]:
    path = root / dep
    if not path.is_dir():
        return {dep}
    return {file.relative_to(root).as_posix() for file in path.rglob("*") if file.is_file() and "__pycache__" not in file.parts}


def _imported(root: Path, file: Path) -> Iterator[Path]:
    """First-party files that one file imports."""
    tree = ast.parse(file.read_text(encoding="utf-8"), filename=str(file))
    unrun = [part for node in ast.walk(tree) if _type_checking(node) for part in node.body]
    skipped = {id(n) for part in unrun for n in ast.walk(part)}
    for node in ast.walk(tree):
        if id(node) in skipped:
            continue
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            names = [node.module, *(f"{node.module}.{alias.name}" for alias in node.names)]
        else:
            continue
        for name in names:
            parts = name.split(".") if name.split(".")[0] == PACKAGE else []
            for end in range(1, len(parts) + 1):  # the packages above a module run with it
                if path := _file_of(root, ".".join(parts[:end])):
                    yield path


def _file_of(root: Path, name: str) -> Path | None:
    path = root / "src" / Path(*name.split("."))
    for candidate in (path.with_suffix(".py"), path / "__init__.py"):
        if candidate.is_file():
            return candidate
    return None


def _type_checking(node: ast.AST) -> TypeGuard[ast.If]:
    return isinstance(node, ast.If) and isinstance(node.test, ast.Name) and node.test.id == "TYPE_CHECKING"


def _only_says(package: Path) -> bool:
    body = ast.parse(package.read_text(encoding="utf-8")).body
    return all(isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant) for node in body)
