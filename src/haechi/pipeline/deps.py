"""Which library modules each stage runs: read from the imports, written into dvc.yaml, and checked.

A package's data files (prompts) count with its modules: who imports one of these reruns when a data file changes.

DVC doesn't follow imports; a stage whose list is short keeps a stale result, one whose list is long reruns for nothing.
Imports are followed wherever they stand, in functions too, but not under `if TYPE_CHECKING`. Modules that are imported by a
computed name are not seen; the test that runs every stage and looks at what it loaded would catch one.
"""

import ast
import re
from collections.abc import Iterator
from pathlib import Path
from typing import TypeGuard

from haechi.replay.lockfile import LOCK, inputs, md5_of, read_yaml
from haechi.runtime.errors import HaechiError

PACKAGE = "haechi"
DATA = "*.md"
CODE = ("src/", "stages/")
BEGIN, END = "# code: written by `haechi deps --write`", "# end of code"


def stage_modules(root: Path, script: Path) -> list[str]:
    """Paths, relative to the root, of all library modules that a script imports, transitively, with the data beside them."""
    found: set[Path] = set()
    todo = [root / script]
    while todo:
        for module in _imported(root, todo.pop()):
            if module not in found:
                found.add(module)
                todo.append(module)
    for module in found:
        if module.name == "__init__.py" and module.read_text(encoding="utf-8").strip():
            raise HaechiError(f"{module}: a package's __init__ must stay empty, or every stage would depend on it")
    found |= {file for folder in {module.parent for module in found} for file in folder.glob(DATA)}
    return sorted(m.relative_to(root).as_posix() for m in found if m.name != "__init__.py")


def scripts(dvc_yaml: str) -> dict[str, str]:
    """Stage name -> script of every stage that runs one."""
    found = re.findall(r"^  (\w+):\n(?:(?!^  \w).*\n)*?    cmd: (?:>-\n\s+)?python (stages/\w+\.py)", dvc_yaml, re.MULTILINE)
    return dict(found)


def rewritten(root: Path, dvc_yaml: str) -> str:
    """dvc.yaml with the code block of every stage up to date."""
    lines, result = dvc_yaml.splitlines(), []
    stages = scripts(dvc_yaml)
    stage, inside = "", False
    for line in lines:
        match, begins = re.match(r"^  (\w+):$", line), line.strip() == BEGIN
        if inside and (match or begins):
            break  # or the lines up to the next END would vanish
        if match:
            stage = match.group(1)
        if begins:
            if stage not in stages:
                raise HaechiError(f"dvc.yaml: stage {stage} has a code block but no `cmd: python stages/...`")
            indent = line[: len(line) - len(line.lstrip())]
            script = stages[stage]
            names = ["stages/_here.py", script, *stage_modules(root, Path(script))]
            result += [line, *(f"{indent}- {name}" for name in names)]
            inside = True
        elif line.strip() == END:
            inside = False
            result.append(line)
        elif not inside:
            result.append(line)
    if inside:
        raise HaechiError(f"dvc.yaml: the code block of stage {stage} is not closed by `{END}`")
    return "\n".join(result) + "\n"


def outdated(root: Path) -> list[tuple[str, str]]:
    """(stage, module) wherever dvc.lock was made with other code than lies here; of frozen stages too, which DVC passes over."""
    recorded = inputs(read_yaml(root / LOCK))
    code = {(stage, name): md5 for (stage, name), md5 in recorded.items() if name.startswith(CODE)}
    return [place for place, md5 in code.items() if not (file := root / place[1]).is_file() or md5_of(file) != md5]


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
