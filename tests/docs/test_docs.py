"""The documents say what the code does: generated parts are fresh, and every name in them exists."""

import itertools
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
PAPERS = ("ARCHITECTURE.md", "CHANGELOG.md", "CONTRIBUTING.md", "SECURITY.md")
PAGES = [*READMES, *(ROOT / name for name in PAPERS), *sorted((ROOT / "docs").rglob("*.md"))]
KOREAN = sorted((ROOT / "docs" / "ko").glob("*.md"))
PAIRS = [tuple(READMES), *((ROOT / "docs" / page.name, page) for page in KOREAN)]
"""A page in English and in Korean."""
COMMANDS = ("pip install -e . -c constraints.txt && dvc repro", "pip install -e '.[test]' -c constraints.txt && pytest")
EXTENSIONS = ("py", "yml", "safetensors", "json", "jsonl", "md", "txt", "yaml", "lock", "parquet")
SECTION = re.compile(r"`(?!(?:sys|scipy|torch|ir_measures)\.)([a-z_]+)\.([a-z_0-9]+)`|-S '?([a-z_]+)\.([a-z_0-9]+)=")


def in_both(name: str) -> list[Path]:
    return [ROOT / "docs" / name, ROOT / "docs" / "ko" / name]


def name_of(page: Path) -> str:
    return page.relative_to(ROOT).as_posix()


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


def edges(mermaid: str) -> set[tuple[str, str]]:
    """Of a graph as DVC draws it."""
    names = dict(re.findall(r'(node\d+)\["(.+)"\]', mermaid))
    return {(names[a], names[b]) for a, b in re.findall(r"(node\d+)-->(node\d+)", mermaid)}


def chained(mermaid: str) -> set[tuple[str, str]]:
    """Of a graph as the READMEs draw it: `a --> b --> c`."""
    chains = [line.strip().split(" --> ") for line in mermaid.splitlines() if " --> " in line]
    return {pair for chain in chains for pair in itertools.pairwise(chain)}


def reachable(graph: set[tuple[str, str]]) -> set[tuple[str, str]]:
    """Who stands before whom, by whatever way."""
    closed = set(graph)
    while more := {(a, d) for a, b in closed for c, d in graph if b == c} - closed:
        closed |= more
    return closed


@pytest.mark.parametrize("readme", READMES, ids=name_of)
def test_the_graph_says_the_order_of_dvc_and_no_arrow_twice(readme: Path) -> None:
    """For stages; documents that somebody adds with `dvc add` are no part of it."""
    dag = subprocess.run(["dvc", "dag", "--mermaid"], cwd=ROOT, capture_output=True, text=True, check=True).stdout
    found = re.search(r"```mermaid\n(.*?)```", readme.read_text(encoding="utf-8"), re.DOTALL)
    of_stages = {(a, b) for a, b in edges(dag) if {a, b} <= load_stages(ROOT).keys()}

    assert found
    drawn = chained(found[1])
    assert of_stages
    assert drawn <= of_stages
    assert reachable(drawn) == reachable(of_stages)
    assert [arrow for arrow in drawn if arrow in reachable(drawn - {arrow})] == []


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """What `haechi docs` reads and writes, in a folder of its own."""
    read = ("dvc.yaml", "params.yaml", "metrics/evaluate.json", "metrics/per_query.json")
    for name in (*read, *docs.READMES, *docs.PIPELINE, docs.PARAMETERS):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_bytes((ROOT / name).read_bytes())
    docs.write(tmp_path)
    return tmp_path


@pytest.mark.slow
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
    readme.write_text(
        readme.read_text(encoding="utf-8").replace("## Five recipes", "## Five recipes\n\nBy hand."), encoding="utf-8"
    )
    before = readme.read_text(encoding="utf-8")
    docs.write(project)

    assert readme.read_text(encoding="utf-8") == before


@pytest.mark.parametrize(
    ("touched", "expected"),
    [
        ("raw.json", ["a", "b", "c"]),
        ("raw.json/inner.json", ["a", "b", "c"]),
        ("params.yaml: b.one", ["b", "c"]),
        ("params.yaml: c", ["c"]),
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
        "c": {"cmd": "c", "deps": ["b.json", "src/only_c.py", "src/room"], "params": ["c"], "outs": ["c.html"]},
    }
    (tmp_path / "dvc.yaml").write_text(json.dumps({"stages": small}), encoding="utf-8")  # YAML too
    file, _, section = touched.partition(": ")

    assert rerun_after(load_stages(tmp_path), (file,), section) == expected


def test_files_in_the_table_of_reruns_exist() -> None:
    assert [name for name in docs.TOUCHED if not (ROOT / name.partition(":")[0]).is_file()] == []


def test_the_table_of_reruns_has_a_file_of_every_room_and_every_section() -> None:
    rooms = {room.parent.name for room in (ROOT / "src" / "haechi").glob("*/__init__.py")}
    sections = set(YAML(typ="safe").load((ROOT / "params.yaml").read_text(encoding="utf-8")))

    assert rooms - {name.split("/")[2] for name in docs.TOUCHED if name.startswith("src/")} == set()
    assert sections - {name.partition(": ")[2] for name in docs.TOUCHED} == set()


@pytest.mark.parametrize("page", READMES, ids=name_of)
def test_a_readme_is_read_in_one_sitting(page: Path) -> None:
    assert len(page.read_text(encoding="utf-8").splitlines()) <= 170


@pytest.mark.parametrize("readme", READMES, ids=name_of)
def test_both_commands_stand_alone_in_a_block(readme: Path) -> None:
    text = readme.read_text(encoding="utf-8")

    assert [command for command in COMMANDS if f"```sh\n{command}\n```" not in text] == []


def runnable(text: str) -> list[str]:
    """Blocks of code, less the comments, which are translated."""
    return [re.sub(r" +# .*", "", block) for block in re.findall(r"```(?:sh|python|mermaid)\n.*?```", text, re.DOTALL)]


@pytest.mark.parametrize("pair", PAIRS, ids=lambda pair: name_of(pair[1]))
def test_both_languages_have_the_same_skeleton(pair: tuple[Path, Path]) -> None:
    """Headings, code, links and rows of tables: what a translation has to keep."""
    one, two = (page.read_text(encoding="utf-8") for page in pair)

    for pattern in (r"^#+ ", r"^\|", r"^- ", r"^\d+\. ", r"^<!-- .* -->$"):
        assert len(re.findall(pattern, one, re.MULTILINE)) == len(re.findall(pattern, two, re.MULTILINE)), pattern
    assert runnable(one) == runnable(two)


@pytest.mark.parametrize("page", PAGES, ids=name_of)
def test_links_lead_somewhere(page: Path) -> None:
    links = [link.partition("#") for link in re.findall(r"\]\(([^)\s]+)\)", page.read_text(encoding="utf-8"))]
    local = [(page.parent / target if target else page, anchor) for target, _, anchor in links if not target.startswith("http")]

    assert [str(target) for target, _ in local if not target.exists()] == []
    assert [(str(target), anchor) for target, anchor in local if anchor and anchor not in headings(target)] == []


def headings(page: Path) -> set[str]:
    titles = re.findall(r"^#+ (.*)$", page.read_text(encoding="utf-8"), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", title.lower()).replace(" ", "-") for title in titles}


@pytest.mark.parametrize("page", [page for page in PAGES if page.name != "lab-log.md"], ids=name_of)
def test_commands_named_exist(page: Path) -> None:
    text = page.read_text(encoding="utf-8")
    shell = "\n".join(re.findall(r"```sh\n(.*?)```", text, re.DOTALL))
    named = re.findall(r"^haechi .*", shell, re.MULTILINE) + re.findall(r"`(haechi [^`]*)`", text)
    known = ("haechi --help", *commands(main))

    assert named or page not in READMES
    assert [line for line in named if not line.startswith(known)] == []


@pytest.mark.parametrize("page", PAGES, ids=name_of)
def test_parameters_named_exist(page: Path) -> None:
    values = YAML(typ="safe").load((ROOT / "params.yaml").read_text(encoding="utf-8"))
    found = SECTION.findall(page.read_text(encoding="utf-8"))
    named = {(a or c, b or d) for a, b, c, d in found if (b or d) not in EXTENSIONS}

    assert [f"{section}.{key}" for section, key in sorted(named) if key not in values.get(section, {})] == []


@pytest.mark.parametrize("page", in_both("pipeline.md"), ids=name_of)
def test_stages_are_all_there(page: Path) -> None:
    text = page.read_text(encoding="utf-8")

    assert [name for name in load_stages(ROOT) if f"\n| `{name}` |" not in text] == []


@pytest.mark.parametrize("page", in_both("environment.md"), ids=name_of)
def test_environment_variables_are_all_there(page: Path) -> None:
    text = page.read_text(encoding="utf-8")
    code = [file.read_text(encoding="utf-8") for part in ("src", "stages", "tests") for file in (ROOT / part).rglob("*.py")]
    variables = {name for source in code for name in re.findall(r"\bHAECHI_[A-Z]+\b", source)}

    assert {name for name in variables if f"\n| `{name}` |" not in text} == set()
    assert set(re.findall(r"\bHAECHI_[A-Z]+\b", text)) <= variables


@pytest.mark.parametrize("page", in_both("promises.md"), ids=name_of)
def test_proofs_named_exist(page: Path) -> None:
    named = set(re.findall(r"`(tests/[\w/.]+)`", page.read_text(encoding="utf-8")))

    assert named
    assert sorted(name for name in named if not (ROOT / name).exists()) == []


def test_the_tree_of_the_readmes_names_every_room() -> None:
    rooms = {room.parent.name for room in (ROOT / "src" / "haechi").glob("*/__init__.py")}

    for readme in READMES:
        named = set(re.findall(r"(\w+)/", readme.read_text(encoding="utf-8")))
        assert rooms - named == set(), readme.name
