"""The documents say what the code does: generated parts are fresh, and every name in them exists."""

import json
import re
import subprocess
from collections.abc import Iterator
from pathlib import Path

import click
import pytest
from ruamel.yaml import YAML

from haechi.cli import docs
from haechi.cli.main import main
from haechi.pipeline.dvc_yaml import load_stages, rerun_after
from haechi.runtime.errors import HaechiError

ROOT = Path(__file__).resolve().parents[2]
READMES = [ROOT / name for name in docs.READMES]
PAGES = [*READMES, *(ROOT / name for name in ("ARCHITECTURE.md", "CHANGELOG.md")), *sorted((ROOT / "docs").glob("*.md"))]
COMMANDS = ("pip install -e . -c constraints.txt && dvc repro", "pip install -e '.[test]' -c constraints.txt && pytest")
EXTENSIONS = ("py", "safetensors", "json", "jsonl", "md", "txt", "yaml", "lock", "parquet")
SECTION = re.compile(r"`(?!(?:sys|scipy|torch|ir_measures)\.)([a-z_]+)\.([a-z_0-9]+)`|-S '?([a-z_]+)\.([a-z_0-9]+)=")


def stages() -> docs.Stages:
    found: docs.Stages = YAML(typ="safe").load((ROOT / "dvc.yaml").read_text(encoding="utf-8"))["stages"]
    return found


def committed(name: str, folder: Path) -> Path:
    """The file as the last commit has it; as it lies there where there is no commit."""
    shown = subprocess.run(["git", "show", f"HEAD:./{name}"], cwd=ROOT, capture_output=True, check=False)
    if shown.returncode:
        return ROOT / name
    (folder / Path(name).name).write_bytes(shown.stdout)
    return folder / Path(name).name


def commands(group: click.Group, prefix: str = "haechi") -> Iterator[str]:
    for name, command in group.commands.items():
        yield f"{prefix} {name}"
        if isinstance(command, click.Group):
            yield from commands(command, f"{prefix} {name}")


def test_generated_parts_are_fresh(tmp_path: Path) -> None:
    """An experiment in the workspace changes parameters and figures; the documents may still be those of the commit."""
    now = docs.documents(ROOT, ROOT / "params.yaml", ROOT / "metrics")
    stale = {file for file, text in now.items() if file.read_text(encoding="utf-8") != text}
    if stale:
        metrics = [committed(f"metrics/{name}.json", tmp_path).parent for name in ("evaluate", "per_query")]
        then = docs.documents(ROOT, committed("params.yaml", tmp_path), metrics[0])
        stale = {file for file in stale if file.read_text(encoding="utf-8") != then[file]}

    assert not stale, "run `haechi docs --write`"


def closure(arrows: set[tuple[str, str]]) -> set[tuple[str, str]]:
    reached = set(arrows)
    while more := {(a, d) for a, b in reached for c, d in arrows if b == c} - reached:
        reached |= more
    return reached


def edges(mermaid: str) -> set[tuple[str, str]]:
    names = dict(re.findall(r'(node\d+)\["(.+)"\]', mermaid))
    return {(names[a], names[b]) for a, b in re.findall(r"(node\d+)-->(node\d+)", mermaid)}


@pytest.mark.parametrize("readme", READMES, ids=lambda path: path.name)
def test_the_graph_is_that_of_dvc(readme: Path) -> None:
    """For stages, less the arrows that a longer way says already: what can be reached from where is the same."""
    dag = subprocess.run(["dvc", "dag", "--mermaid"], cwd=ROOT, capture_output=True, text=True, check=True).stdout
    found = re.search(r"```mermaid\n(.*?)```", readme.read_text(encoding="utf-8"), re.DOTALL)

    assert found
    drawn = set(re.findall(r"(\w+) --> (\w+)", found[1]))
    assert closure(drawn) == closure({(a, b) for a, b in edges(dag) if {a, b} <= stages().keys()})
    assert all(closure(drawn - {edge}) != closure(drawn) for edge in drawn), "an arrow too many"


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """What `haechi docs` reads and writes, in a folder of its own."""
    for name in ("dvc.yaml", "params.yaml", "metrics/evaluate.json", "metrics/per_query.json", *docs.READMES, docs.PARAMETERS):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_bytes((ROOT / name).read_bytes())
    params = tmp_path / "src" / "haechi" / "params"
    params.mkdir(parents=True)
    for file in (ROOT / "src" / "haechi" / "params").glob("*.py"):
        (params / file.name).touch()
    docs.write(tmp_path)
    return tmp_path


def test_a_changed_value_makes_documents_stale_until_written(project: Path) -> None:
    docs.check(project)
    params = (project / "params.yaml").read_text(encoding="utf-8")
    (project / "params.yaml").write_text(re.sub(r"\bdim: \d+", "dim: 77", params), encoding="utf-8")

    with pytest.raises(HaechiError, match=r"docs/parameters\.md: not what the code"):
        docs.check(project)
    docs.write(project)
    docs.check(project)
    assert "| `dim` | integer, at least 1 | `77` |" in (project / docs.PARAMETERS).read_text(encoding="utf-8")


def test_a_number_without_an_upper_end_has_no_limit() -> None:
    """Infinity alone is refused there, and the largest float is no bound that a person would look for."""
    told = (ROOT / docs.PARAMETERS).read_text(encoding="utf-8")

    assert "e+308" not in told
    assert "| `lr` | number, above 0, no limit |" in told


def test_git_ignores_what_recipes_write() -> None:
    """Vectors and a model card, as the README names them."""
    written = ["data/vectors/merged_corpus.npy", "model-card.md"]
    ignored = subprocess.run(["git", "check-ignore", *written], cwd=ROOT, capture_output=True, text=True, check=False)

    assert ignored.stdout.split() == written


def test_a_lost_marker_is_named(project: Path) -> None:
    readme = (project / "README.md").read_text(encoding="utf-8")
    (project / "README.md").write_text(readme.replace("<!-- end of graph -->", ""), encoding="utf-8")

    with pytest.raises(HaechiError, match=r"README\.md: expected one block from `<!-- graph"):
        docs.check(project)


def test_writing_keeps_what_is_written_by_hand(project: Path) -> None:
    readme = project / "README.md"
    readme.write_text(readme.read_text(encoding="utf-8").replace("## Recipes", "## Recipes\n\nBy hand."), encoding="utf-8")
    before = readme.read_text(encoding="utf-8")
    docs.write(project)

    assert readme.read_text(encoding="utf-8") == before


@pytest.mark.parametrize(
    ("touched", "expected"),
    [
        ("raw.json", ["a", "b", "c"]),
        ("raw.json/inner.json", ["a", "b", "c"]),
        ("params.yaml: b", ["b", "c"]),
        ("params.yaml: frozen", []),
        ("src/only_c.py", ["c"]),
        ("src/room/inner.py", ["c"]),
        ("nowhere.py", []),
    ],
)
def test_what_reruns_follows_outputs_and_skips_the_frozen(touched: str, expected: list[str], tmp_path: Path) -> None:
    small: dict[str, dict[str, object]] = {
        "a": {"cmd": "a", "deps": ["raw.json"], "outs": ["a/x.jsonl"]},
        "frozen": {
            "cmd": "f",
            "frozen": True,
            "deps": ["raw.json"],
            "params": ["frozen"],
            "outs": [{"t.json": {"cache": False}}],
        },
        "b": {"cmd": "b", "deps": ["a", "t.json"], "params": ["b.one", "b.two"], "metrics": [{"b.json": {"cache": False}}]},
        "c": {"cmd": "c", "deps": ["b.json", "src/only_c.py", "src/room"], "outs": ["c.html"]},
    }
    (tmp_path / "dvc.yaml").write_text(json.dumps({"stages": small}), encoding="utf-8")  # YAML too
    file, _, section = touched.partition(": ")

    assert rerun_after(load_stages(tmp_path), (file,), section) == expected


def test_files_in_the_table_of_reruns_exist() -> None:
    assert [name for name in docs.TOUCHED if not (ROOT / name.partition(":")[0]).is_file()] == []


@pytest.mark.parametrize("readme", READMES, ids=lambda path: path.name)
def test_both_commands_stand_alone_in_a_block(readme: Path) -> None:
    text = readme.read_text(encoding="utf-8")

    assert [command for command in COMMANDS if f"```sh\n{command}\n```" not in text] == []


def test_both_readmes_have_the_same_skeleton() -> None:
    """Headings, code, links and rows of tables: what a translation has to keep."""
    one, two = (readme.read_text(encoding="utf-8") for readme in READMES)

    for pattern in (r"^#+ ", r"^\|", r"^- ", r"^\d+\. ", r"^<!-- .* -->$"):
        assert len(re.findall(pattern, one, re.MULTILINE)) == len(re.findall(pattern, two, re.MULTILINE)), pattern
    assert re.findall(r"```(?:sh|python|mermaid)\n.*?```", one, re.DOTALL) == re.findall(
        r"```(?:sh|python|mermaid)\n.*?```", two, re.DOTALL
    )


@pytest.mark.parametrize("page", PAGES, ids=lambda path: path.name)
def test_links_lead_somewhere(page: Path) -> None:
    text = page.read_text(encoding="utf-8")
    links = re.findall(r"\]\(([^)\s]+)\)", text)
    headings = {
        re.sub(r"[^\w\- ]", "", title.lower()).replace(" ", "-") for title in re.findall(r"^#+ (.*)$", text, re.MULTILINE)
    }
    local = [link for link in links if not link.startswith(("http", "#"))]

    assert [link for link in local if not (page.parent / link.partition("#")[0]).exists()] == []
    assert [link for link in links if link.startswith("#") and link[1:] not in headings] == []


@pytest.mark.parametrize("readme", READMES, ids=lambda path: path.name)
def test_commands_named_exist(readme: Path) -> None:
    text = readme.read_text(encoding="utf-8")
    shell = "\n".join(re.findall(r"```sh\n(.*?)```", text, re.DOTALL))
    named = re.findall(r"^haechi .*", shell, re.MULTILINE) + re.findall(r"`(haechi [^`]*)`", text)
    known = tuple(commands(main))

    assert named
    assert [line for line in named if not line.startswith(known)] == []


@pytest.mark.parametrize("page", PAGES, ids=lambda path: path.name)
def test_parameters_named_exist(page: Path) -> None:
    values = YAML(typ="safe").load((ROOT / "params.yaml").read_text(encoding="utf-8"))
    found = SECTION.findall(page.read_text(encoding="utf-8"))
    named = {(a or c, b or d) for a, b, c, d in found if (b or d) not in EXTENSIONS}

    assert [f"{section}.{key}" for section, key in sorted(named) if key not in values.get(section, {})] == []


@pytest.mark.parametrize("readme", READMES, ids=lambda path: path.name)
def test_stages_and_environment_variables_are_all_there(readme: Path) -> None:
    text = readme.read_text(encoding="utf-8")
    code = [file.read_text(encoding="utf-8") for part in ("src", "stages", "tests") for file in (ROOT / part).rglob("*.py")]
    variables = {name for source in code for name in re.findall(r"\bHAECHI_[A-Z]+\b", source)}

    assert [name for name in stages() if f"\n| `{name}` |" not in text] == []
    assert {name for name in variables if f"\n| `{name}` |" not in text} == set()
    assert set(re.findall(r"\bHAECHI_[A-Z]+\b", text)) <= variables


@pytest.mark.parametrize("readme", READMES, ids=lambda path: path.name)
def test_proofs_named_exist(readme: Path) -> None:
    named = set(re.findall(r"`(tests/[\w/.]+)`", readme.read_text(encoding="utf-8")))

    assert named
    assert sorted(name for name in named if not (ROOT / name).exists()) == []
