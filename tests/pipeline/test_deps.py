"""dvc.yaml lists exactly the modules that a stage runs, imports go one way, and the slow libraries wait until they are used."""

import ast
import re
from collections.abc import Iterator, Mapping
from functools import cache
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pipeline.checkout import ROOT, SRC, STAGES, imports, library, python, tree_of
from ruamel.yaml import YAML

from haechi.pipeline.deps import BEGIN, END, outdated, rewritten, scripts, stage_modules
from haechi.replay.lockfile import md5_of
from haechi.runtime.errors import HaechiError
from haechi.runtime.files import write_json

DVC_YAML = (ROOT / "dvc.yaml").read_text(encoding="utf-8")
STAGE_NAMES = sorted(script.stem for script in STAGES.glob("[!_]*.py"))

ROOMS = (
    ("records", "params", "errors", "environment", "files", "home", "per_query", "retries", "words"),
    ("rowstore", "locks", "state", "progress", "options", "journal", "trackers", "command"),
    ("tokens",),
    ("law",),
    ("pairs", "corpus"),
    ("models",),
    ("retrieval",),
    ("questions",),
    ("testset",),
    ("mining",),
    ("evaluation",),
    ("guards",),
    ("training",),
    ("selection",),
    ("sweeps",),
    ("pages",),
    ("serving",),
    ("fetch",),
    ("replay", "doctor"),
    ("deps", "cli"),
)
"""DESIGN section 2: a room imports from its own line and from those above it."""

HEAVY = {"torch", "transformers", "sentence_transformers", "datasets"}
MAY_BE_HEAVY = {
    f"training/{name}.py"
    for name in (
        "adapt",
        "average",
        "checks",
        "composed",
        "engine",
        "examples",
        "guard",
        "held_out",
        "losses",
        "m3",
        "memory",
        "monitor",
        "objective",
        "refresh",
        "retention",
        "retry",
        "rising",
        "tracking",
        "trainer",
        "watch",
    )
}


# A made-up project

FILES = {
    "stages/one.py": "import _here\nfrom haechi.a import f\n",
    "stages/two.py": "import _here\nimport json\n",
    "src/haechi/__init__.py": "",
    "src/haechi/a.py": "from haechi.room.b import g\nimport os\n",
    "src/haechi/room/__init__.py": "",
    "src/haechi/room/b.py": "from haechi import c\n",
    "src/haechi/c.py": "X = 1\n",
    "src/haechi/d.py": "import haechi.a\n",
    "src/haechi/unused.py": "",
}
YAML_TEXT = f"""# a comment
stages:
  one:
    cmd: python stages/one.py --out x
    deps:
      - data
      {BEGIN}
      - src/haechi/gone.py
      {END}
    outs: [x]

  two:
    desc: another
    cmd: >-
      python stages/two.py
      --out y
    deps:
      {BEGIN}
      {END}
      - y
"""


def project(root: Path, changes: Mapping[str, str] | None = None) -> Path:
    for name, text in (FILES | dict(changes or {})).items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(text, encoding="utf-8")
    return root


def modules(root: Path, script: str = "stages/one.py") -> list[str]:
    return [name.removeprefix("src/haechi/") for name in stage_modules(root, Path(script))]


def test_imports_are_followed_from_module_to_module(tmp_path: Path) -> None:
    """Sorted, without empty packages, without what no import leads to."""
    assert modules(project(tmp_path)) == ["a.py", "c.py", "room/b.py"]
    assert modules(tmp_path, "stages/two.py") == []


@pytest.mark.parametrize(
    "source",
    [
        "import haechi.d",
        "import haechi.d as other, json",
        "from haechi import d",
        "from haechi import d as other",
        "from haechi.d import x",
        "def f():\n    from haechi.d import x\n",
        "class C:\n    def f(self):\n        import haechi.d\n",
        "try:\n    import haechi.d\nexcept ImportError:\n    pass\n",
        "if True:\n    from haechi import d\n",
        "from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    import os\nelse:\n    import haechi.d\n",
    ],
)
def test_every_way_to_import_is_seen(source: str, tmp_path: Path) -> None:
    """And what the imported module imports with it."""
    assert modules(project(tmp_path, {"stages/one.py": source})) == ["a.py", "c.py", "d.py", "room/b.py"]


def test_imports_for_the_type_checker_alone_are_skipped(tmp_path: Path) -> None:
    source = "from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    import haechi.d\n    from haechi.unused import x\n"
    assert modules(project(tmp_path, {"stages/one.py": source})) == []


def test_modules_that_import_each_other_end(tmp_path: Path) -> None:
    assert modules(project(tmp_path, {"src/haechi/c.py": "def f():\n    import haechi.a\n"})) == ["a.py", "c.py", "room/b.py"]


@pytest.mark.parametrize("package", ["src/haechi/__init__.py", "src/haechi/room/__init__.py"])
def test_a_package_that_holds_code_is_refused(package: str, tmp_path: Path) -> None:
    """It runs whenever a module of its room is imported, and so would its imports, unseen."""
    project(tmp_path, {package: "from haechi.unused import x\n"})
    with pytest.raises(HaechiError, match=re.escape(package)):
        modules(tmp_path)


def test_the_blocks_are_written_and_the_rest_is_left(tmp_path: Path) -> None:
    after = rewritten(project(tmp_path), YAML_TEXT)
    paths = {"one": ["a.py", "c.py", "room/b.py"], "two": []}
    for stage, expected in paths.items():
        block = after.split(f"  {stage}:\n")[1].split(BEGIN)[1].split(END)[0]
        lines = ["stages/_here.py", f"stages/{stage}.py", *(f"src/haechi/{name}" for name in expected)]
        assert block == "".join(f"\n      - {line}" for line in lines) + "\n      "
    blocks = re.compile(f"({BEGIN}\n)(.*?)( *{END})", re.DOTALL)
    assert blocks.sub(r"\1\3", after) == blocks.sub(r"\1\3", YAML_TEXT)
    assert rewritten(tmp_path, after) == after, "writing twice is writing once"


def test_a_block_that_is_not_closed_is_refused(tmp_path: Path) -> None:
    """Also when a later stage closes its own: what lies between would vanish from dvc.yaml."""
    before, _, after = YAML_TEXT.partition(f"      {END}\n")
    for text in (before + after, before, YAML_TEXT[: YAML_TEXT.rindex(f"      {END}")]):
        with pytest.raises(HaechiError, match="not closed") as caught:
            rewritten(project(tmp_path), text)
        assert f"stage {'two' if text.startswith(before + f'      {END}') else 'one'}" in str(caught.value)


def test_a_block_in_a_stage_without_a_script_is_refused(tmp_path: Path) -> None:
    with pytest.raises(HaechiError, match="stage one"):
        rewritten(project(tmp_path), YAML_TEXT.replace("python stages/one.py", "make one"))


def test_a_lock_that_was_made_with_other_code_is_found_in_a_frozen_stage_too(tmp_path: Path) -> None:
    """DVC never looks at what a frozen stage was made from, so `dvc status` is silent about it."""
    root = project(tmp_path)
    deps = [{"path": name, "md5": md5_of(root / name)} for name in ("stages/one.py", "src/haechi/a.py")]
    write_json(root / "dvc.lock", {"stages": {"kept": {"deps": [*deps, {"path": "data/raw", "md5": "x"}]}}})  # YAML too
    assert outdated(root) == []

    with (root / "src/haechi/a.py").open("a", encoding="utf-8") as module:
        module.write("# another line\n")
    (root / "stages/one.py").unlink()
    assert outdated(root) == [("kept", "stages/one.py"), ("kept", "src/haechi/a.py")]


NAMES = "abcdef"


@settings(max_examples=50, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(edges=st.sets(st.tuples(st.sampled_from(NAMES), st.sampled_from(NAMES))))
def test_the_list_is_what_can_be_reached(edges: set[tuple[str, str]], tmp_path: Path) -> None:
    """On any graph, cycles included: the modules reachable from a, no others."""
    sources = {
        f"src/haechi/{name}.py": "".join(f"from haechi.{other} import x\n" for one, other in sorted(edges) if one == name)
        for name in NAMES
    }
    reached, grown = {"a"}, {"a"}
    while grown:
        grown = {other for one, other in edges if one in grown} - reached
        reached |= grown
    assert modules(project(tmp_path, sources)) == sorted(f"{name}.py" for name in reached)


# The repository


def test_dvc_yaml_is_fresh() -> None:
    """If not: `haechi deps --write`."""
    assert rewritten(ROOT, DVC_YAML) == DVC_YAML


def test_every_stage_script_is_a_stage() -> None:
    assert scripts(DVC_YAML) == {name: f"stages/{name}.py" for name in STAGE_NAMES}


@pytest.mark.parametrize("stage", STAGE_NAMES)
def test_a_stage_declares_the_sections_that_its_script_reads(stage: str) -> None:
    """A section too few keeps a stale result, one too many reruns for nothing. The report depends on the whole file."""
    declared = YAML(typ="safe").load(DVC_YAML)["stages"][stage].get("params", [])
    source = (STAGES / f"{stage}.py").read_text(encoding="utf-8")
    assert declared == re.findall(r'load_section\(params, "(\w+)"', source)


@pytest.mark.parametrize("stage", STAGE_NAMES)
def test_a_stage_is_described_by_the_first_sentence_of_its_script(stage: str) -> None:
    script = tree_of(STAGES / f"{stage}.py")
    assert YAML(typ="safe").load(DVC_YAML)["stages"][stage]["desc"] == script.body[0].value.value.strip()  # type: ignore[attr-defined]


def test_imports_go_one_way() -> None:
    rank = {room: level for level, rooms in enumerate(ROOMS) for room in rooms}
    back = []
    for path in library():
        name = path.relative_to(SRC)
        room = name.parts[0].removesuffix(".py")
        if room == "__init__":
            continue
        for line, imported in imports(tree_of(path)):
            head, *rest = imported.split(".")
            assert head != "stages", f"{name}:{line} imports {imported}"
            assert head != "_here", f"{name}:{line} imports {imported}"
            if head == "haechi" and rank[rest[0]] > rank[room]:
                back.append(f"{name}:{line} imports {imported}")
    assert back == []


def test_no_two_modules_import_each_other() -> None:
    """Not even through others, nor inside functions."""
    files = {"haechi." + ".".join(path.relative_to(SRC).with_suffix("").parts): path for path in library()}
    graph = {
        name: {found for _, full in imports(tree_of(path)) for found in (full, full.rpartition(".")[0]) if found in files}
        for name, path in files.items()
    }
    assert any(graph.values())
    try:
        TopologicalSorter(graph).prepare()
    except CycleError as error:
        pytest.fail(" -> ".join(error.args[1]))


def test_packages_are_empty() -> None:
    """Every stage would depend on what they hold."""
    packages = [path for path in library() if path.name == "__init__.py"]
    assert len(packages) > 10
    assert [path for path in packages if path.stat().st_size] == []
    assert {path.parent for path in library()} == {path.parent for path in packages}, "a folder without __init__.py is no room"


def test_torch_is_imported_at_module_level_in_training_alone() -> None:
    """And there only in the modules that are made of tensors; others import it inside the function that needs it."""
    heavy = {
        path.relative_to(SRC).as_posix()
        for path in library()
        if any(name.split(".")[0] in HEAVY for node in at_import(tree_of(path)) for _, name in imports(node))
    }
    assert heavy == MAY_BE_HEAVY


def at_import(node: ast.AST) -> Iterator[ast.Import | ast.ImportFrom]:
    """The import statements that run when a module is imported."""
    for child in ast.iter_child_nodes(node):
        if isinstance(child, ast.Import | ast.ImportFrom):
            yield child
        elif isinstance(child, ast.If) and ast.unparse(child.test) == "TYPE_CHECKING":
            yield from (inner for part in child.orelse for inner in at_import(part))
        elif not isinstance(child, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda):
            yield from at_import(child)


@cache
def loaded(stage: str) -> frozenset[str]:
    """The modules that a stage script has loaded when it prints its help."""
    done = python("-X", "importtime", STAGES / f"{stage}.py", "--help")
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith("Usage: ")
    return imported_by(done.stderr)


def imported_by(importtime: str) -> frozenset[str]:
    return frozenset(line.split("|")[2].strip() for line in importtime.splitlines() if line.startswith("import time:"))


def tops(names: frozenset[str]) -> set[str]:
    return {name.split(".")[0] for name in names}


QUICK = [stage for stage in STAGE_NAMES if stage != "train"]  # whose engine is torch


@pytest.mark.parametrize("stage", QUICK)
def test_a_stage_starts_without_torch(stage: str) -> None:
    """Its help, its refusals and its parameters come in under a second."""
    assert "haechi.runtime.command" in loaded(stage)
    assert not tops(loaded(stage)) & HEAVY


@pytest.mark.parametrize("stage", QUICK)
def test_dvc_yaml_names_what_a_stage_loads(stage: str) -> None:
    """The list that is read from the source, held against Python itself."""
    listed = YAML(typ="safe").load(DVC_YAML)["stages"][stage]["deps"]
    files = {f"src/{name.replace('.', '/')}.py" for name in loaded(stage) if name.split(".")[0] == "haechi"}
    existing = {name for name in files if (ROOT / name).is_file()}
    assert existing
    assert existing <= set(listed)


@pytest.mark.parametrize("arguments", [["--help"], ["deps", "--help"], ["--version"]])
def test_the_command_line_starts_with_nothing_heavy(arguments: list[str]) -> None:
    program = f"import sys; sys.argv = ['haechi', *{arguments}]; from haechi.cli.main import entry; entry()"
    done = python("-X", "importtime", "-c", program, PYTHONPATH=str(ROOT / "src"))
    assert done.returncode == 0, done.stderr
    assert "haechi" in done.stdout
    names = imported_by(done.stderr)
    assert "haechi.cli.main" in names
    assert not tops(names) & (HEAVY | {"numpy", "scipy", "pandas", "matplotlib", "kiwipiepy", "bm25s", "tokenizers", "dvc"})
