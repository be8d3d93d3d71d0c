"""Where this checkout is, and how its scripts are run the way a person runs them: without DVC, in another process."""

import ast
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

from haechi.runtime.sections import MODULES

ROOT = Path(__file__).resolve().parents[2]
SRC = ROOT / "src" / "haechi"
STAGES = ROOT / "stages"
PARAMETERS = {f"src/{module.replace('.', '/')}.py" for module in (*MODULES.values(), "haechi.training.param_rules")}
"""Every stage checks all of params.yaml first, so it loads these by name; their values change nothing in what it makes."""


def python(*args: object, cwd: Path = ROOT, **environment: str) -> subprocess.CompletedProcess[str]:
    """Run the interpreter."""
    return subprocess.run(
        [sys.executable, *map(str, args)],
        cwd=cwd,
        env=kept_environment() | environment,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


def kept_environment() -> dict[str, str]:
    """The tests' own, less what would change where code comes from or how it ends."""
    return {key: value for key, value in os.environ.items() if key not in {"PYTHONPATH", "HAECHI_DEBUG"}}


def library() -> list[Path]:
    """Every module of the library."""
    return sorted(path for path in SRC.rglob("*.py") if "__pycache__" not in path.parts)


def tree_of(path: Path) -> ast.Module:
    return ast.parse(path.read_text(encoding="utf-8"), filename=str(path))


def imports(tree: ast.AST) -> Iterator[tuple[int, str]]:
    """(line, dotted name) of everything imported in a tree, wherever it stands; `from a import b` gives a.b."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from ((node.lineno, alias.name) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert not node.level, f"line {node.lineno}: a relative import, which haechi.pipeline.deps doesn't follow"
            yield from ((node.lineno, f"{node.module}.{alias.name}") for alias in node.names)
