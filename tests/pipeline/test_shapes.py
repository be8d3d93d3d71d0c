"""Functions, modules and lists of parameters are of a size that one reads at once; where they aren't, a comment says why."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest
from pipeline.checkout import SRC

MODULES = sorted(path for path in SRC.rglob("*.py") if path.name != "__init__.py")
LONGEST_FUNCTION, LONGEST_MODULE, MOST_PARAMETERS = 60, 400, 7
MOST_MODULES, FEWEST_LINES, MOST_SMALL = 380, 25, 8

Function = ast.FunctionDef | ast.AsyncFunctionDef


def too_large(path: Path) -> Iterator[str]:
    """What is too long or takes too much without saying why: `# long: why` or `# wide: why` on the def line or above it."""
    lines = path.read_text(encoding="utf-8").splitlines()
    if len(lines) > LONGEST_MODULE:
        yield f"{path.name}: {len(lines)} lines"
    for node in ast.walk(ast.parse("\n".join(lines))):
        if isinstance(node, Function):
            excuse = lines[node.lineno - 2] + lines[node.lineno - 1]
            length, number = (node.end_lineno or 0) - node.lineno + 1, _parameters(node)
            if length > LONGEST_FUNCTION and "# long: " not in excuse:
                yield f"{path.name}, {node.name}: {length} lines"
            if number > MOST_PARAMETERS and "# wide: " not in excuse:
                yield f"{path.name}, {node.name}: {number} parameters"


def _parameters(function: Function) -> int:
    """How many it takes, less self; a command's are the options of a command line."""
    a = function.args
    if any("command" in ast.unparse(decorator) for decorator in function.decorator_list):
        return 0
    names = [one.arg for one in (*a.posonlyargs, *a.args, *a.kwonlyargs)]
    return len([name for name in names if name not in ("self", "cls")])


def _apart(path: Path) -> bool:
    """Records and parameters may be as many and as small as the things that they describe."""
    return path.parent.name == "records" or "param" in path.stem


@pytest.mark.parametrize("path", MODULES, ids=lambda path: path.relative_to(SRC).as_posix())
def test_whatever_is_long_or_takes_much_says_why(path: Path) -> None:
    assert list(too_large(path)) == []


def test_a_long_function_a_wide_one_and_a_long_module_are_seen(tmp_path: Path) -> None:
    def seen(source: str) -> list[str]:
        (tmp_path / "made.py").write_text(source, encoding="utf-8")
        return list(too_large(tmp_path / "made.py"))

    names = "a, b, c, d, e, f, g, h"
    assert seen("def f():\n" + "    pass\n" * 60) == ["made.py, f: 61 lines"]
    assert seen("# long: a table\ndef f():\n" + "    pass\n" * 60) == []
    assert seen(f"def f({names}): ...\n") == ["made.py, f: 8 parameters"]
    assert seen(f"class A:\n    def f(self, {names[:-3]}): ...\n") == []
    assert seen(f"def f({names}):  # wide: the fields of a row\n    ...\n") == []
    assert seen("x = 1\n" * 401) == ["made.py: 401 lines"]


def test_the_library_has_no_crowd_of_modules() -> None:
    """Records and parameters apart."""
    modules = [path for path in MODULES if not _apart(path)]
    small = [path.name for path in modules if len(path.read_text(encoding="utf-8").splitlines()) < FEWEST_LINES]

    assert len(modules) <= MOST_MODULES
    assert len(small) <= MOST_SMALL, small
