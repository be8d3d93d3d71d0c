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
from pipeline.checkout import PARAMETERS, ROOT, SRC, STAGES, imports, library, python, tree_of
from ruamel.yaml import YAML

from haechi.pipeline.deps import check, outdated, stage_modules
from haechi.pipeline.dvc_lock import md5_of
from haechi.pipeline.dvc_yaml import Stage, load_stages, overlap
from haechi.runtime.errors import HaechiError
from haechi.runtime.files import write_json

DVC_YAML = (ROOT / "dvc.yaml").read_text(encoding="utf-8")
STAGES_OF_PROJECT = load_stages(ROOT)
STAGE_NAMES = sorted(script.stem for script in STAGES.glob("[!_]*.py"))

ROOMS = (
    ("runtime",),
    ("text",),
    ("records",),
    ("corpus",),
    ("parsing", "rowstore"),
    ("citations",),
    ("pairs", "models"),
    ("question_writer", "llm"),
    ("testset", "retrieval", "static_model", "export", "fetch"),
    ("inference",),
    ("questions", "mining", "scoring", "guards"),
    ("training", "evaluation", "fusion", "reranking"),
    ("selection",),
    ("pipeline",),
    ("comparison", "report", "serving"),
    ("answering",),
    ("sweeps",),
    ("replay", "doctor", "release"),
    ("cli",),
)
"""The floors: a room imports from its own line and from those above it."""

HEAVY = {"torch", "transformers", "sentence_transformers", "datasets"}
MAY_BE_HEAVY = {
    "sweeps/learning_rate/range_test.py",
    *(f"reranking/{name}.py" for name in ("losses", "objective", "engine", "stage")),
} | {
    f"training/{name}.py"
    for name in (
        "adapters",
        "average",
        "checks",
        "static_learner",
        "engine",
        "examples",
        "frozen",
        "guard_callback",
        "validation_loss",
        "losses",
        "m3",
        "memory",
        "monitor",
        "objective",
        "refresh",
        "retention",
        "retry",
        "session",
        "tracker_callback",
        "trainer",
        "checkpointing",
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


def test_a_docstring_is_all_that_a_room_may_hold(tmp_path: Path) -> None:
    assert modules(project(tmp_path, {"src/haechi/room/__init__.py": '"""What the room is for."""\n'})) == [
        "a.py",
        "c.py",
        "room/b.py",
    ]


RUNS = ("stages/_here.py", "stages/one.py", "src/haechi/a.py", "src/haechi/c.py", "src/haechi/room")


def stage(*deps: str, name: str = "one") -> Stage:
    return Stage(name, "", ("python", f"stages/{name}.py"), False, ("data", *deps), (), ("x",), ())


@pytest.mark.parametrize("missing", RUNS)
def test_a_stage_that_names_less_than_it_runs_is_refused_with_what_is_missing(missing: str, tmp_path: Path) -> None:
    project(tmp_path, {"stages/_here.py": ""})
    check(tmp_path, {"one": stage(*RUNS)})
    with pytest.raises(HaechiError, match=re.escape(f"stage one imports {missing}")):
        check(tmp_path, {"one": stage(*(dep for dep in RUNS if dep != missing))})


@pytest.mark.parametrize("useless", ["src/haechi/unused.py", "src/haechi/d.py", "stages/two.py", "src/haechi/empty"])
def test_a_dep_that_holds_nothing_that_runs_is_refused(useless: str, tmp_path: Path) -> None:
    project(tmp_path, {"stages/_here.py": "", "src/haechi/empty/e.py": "", "src/haechi/empty/__init__.py": ""})
    with pytest.raises(HaechiError, match=re.escape(f"stage one runs nothing of its dep {useless}")):
        check(tmp_path, {"one": stage(*RUNS, useless)})


def test_modules_that_a_room_holds_and_a_stage_does_not_run_are_counted(tmp_path: Path) -> None:
    project(tmp_path, {"stages/_here.py": "", "src/haechi/room/more.py": "", "src/haechi/room/__pycache__/b.pyc": ""})
    (found,) = check(tmp_path, {"one": stage(*RUNS)})
    assert found.needless == ("src/haechi/room/more.py",)
    assert (found.missing, found.useless) == ((), ())


def test_a_prompt_beside_a_module_counts_with_it(tmp_path: Path) -> None:
    project(tmp_path, {"stages/_here.py": "", "src/haechi/room/words.md": "a prompt"})
    assert "room/words.md" in modules(tmp_path)
    with pytest.raises(HaechiError, match=re.escape("imports src/haechi/room/words.md")):
        check(tmp_path, {"one": stage(*RUNS[:-1], "src/haechi/room/b.py")})


def test_a_stage_that_is_no_script_is_passed_over(tmp_path: Path) -> None:
    assert check(project(tmp_path), {"one": Stage("one", "", ("make", "one"), False, ("data",), (), ("x",), ())}) == []


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


def test_every_stage_names_what_it_runs_and_nothing_for_nothing() -> None:
    """`haechi deps --report` prints the same table; what a room holds beyond that costs a rerun that writes the same bytes.

    The frozen stage never reruns by itself, so nothing reruns it for nothing.
    """
    found = check(ROOT, STAGES_OF_PROJECT)
    assert sum(len(one.needless) for one in found if one.stage != "testset") <= 82


def test_a_person_can_read_dvc_yaml() -> None:
    """The best-read pipelines of the field have 75 to 320 lines; ours had 1,014, of which 624 were lists of modules."""
    assert len(DVC_YAML.splitlines()) <= 545
    assert sum(len(one.code) for one in STAGES_OF_PROJECT.values()) <= 165
    assert max(len(one.code) for one in STAGES_OF_PROJECT.values()) <= 20


def test_every_stage_script_is_a_stage() -> None:
    assert {name: one.script for name, one in STAGES_OF_PROJECT.items()} == {
        name: f"stages/{name}.py" for name in sorted(STAGE_NAMES, key=list(STAGES_OF_PROJECT).index)
    }


@pytest.mark.parametrize("stage", STAGE_NAMES)
def test_a_stage_declares_the_sections_that_its_script_reads(stage: str) -> None:
    """A section too few keeps a stale result, one too many reruns for nothing. The report depends on the whole file."""
    declared = YAML(typ="safe").load(DVC_YAML)["stages"][stage].get("params", [])
    source = (STAGES / f"{stage}.py").read_text(encoding="utf-8")
    assert declared == re.findall(r'load_(?:section|value)\(params, "([\w.]+)"', source)


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


def test_every_room_says_what_it_is_for_and_holds_nothing_else() -> None:
    """Every stage would depend on what it imports."""
    packages = [path for path in library() if path.name == "__init__.py"]
    assert len(packages) > 10
    for package in packages:
        (only,) = tree_of(package).body
        assert isinstance(only, ast.Expr), f"{package}: holds one docstring, and nothing else"
    assert {path.parent for path in library()} == {path.parent for path in packages}, "a folder without __init__.py is no room"


def test_torch_is_imported_at_module_level_where_models_are_trained_alone() -> None:
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


@pytest.mark.slow
@pytest.mark.parametrize("stage", STAGE_NAMES)
def test_a_stage_starts_without_torch(stage: str) -> None:
    """Its help, its refusals and its parameters come in under a second."""
    assert "haechi.runtime.command" in loaded(stage)
    assert not tops(loaded(stage)) & HEAVY


@pytest.mark.parametrize("stage", STAGE_NAMES)
def test_dvc_yaml_names_what_a_stage_loads(stage: str) -> None:
    """The list that is read from the source, held against Python itself."""
    listed = STAGES_OF_PROJECT[stage].deps
    files = {f"src/{name.replace('.', '/')}.py" for name in loaded(stage) if name.split(".")[0] == "haechi"}
    existing = {name for name in files if (ROOT / name).is_file()}
    assert existing
    assert not [name for name in existing - PARAMETERS if not any(overlap(dep, name) for dep in listed)]


@pytest.mark.parametrize("arguments", [["--help"], ["deps", "--help"], ["--version"]])
def test_the_command_line_starts_with_nothing_heavy(arguments: list[str]) -> None:
    program = f"import sys; sys.argv = ['haechi', *{arguments}]; from haechi.cli.main import entry; entry()"
    done = python("-X", "importtime", "-c", program, PYTHONPATH=str(ROOT / "src"))
    assert done.returncode == 0, done.stderr
    assert "haechi" in done.stdout
    names = imported_by(done.stderr)
    assert "haechi.cli.main" in names
    assert not tops(names) & (HEAVY | {"numpy", "scipy", "pandas", "matplotlib", "kiwipiepy", "bm25s", "tokenizers", "dvc"})
