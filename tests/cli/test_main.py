"""The command line in one style: every command has its heading, its sentence and its module, and none waits for another."""

import re
import shlex
from collections.abc import Iterator
from pathlib import Path

import click
import pytest
from click.testing import CliRunner
from pipeline.checkout import ROOT, SRC, imports, python, tree_of

from haechi.cli.main import GROUPS, MODULES, main
from haechi.pipeline.dvc_yaml import load_stages
from haechi.runtime.errors import HaechiError
from haechi.runtime.options import FILE, FOLDER

WIDTH = 100
NAMES = [name for commands in GROUPS.values() for name in commands]
CLI = SRC / "cli"
SHARED = {"main", "project", "options", "docs"}
"""Modules of the room that are no command; `docs` is what `write_docs` writes."""


def commands(group: click.Group = main, words: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], click.Command]]:
    """Every command with the words that call it, groups too."""
    for name, command in group.commands.items():
        yield (*words, name), command
        if isinstance(command, click.Group):
            yield from commands(command, (*words, name))


ALL = {" ".join(words): command for words, command in commands()}


def shown(*words: str) -> str:
    done = CliRunner().invoke(main, [*words, "--help"], prog_name="haechi", terminal_width=WIDTH)
    assert done.exit_code == 0, done.output
    return done.output


def test_the_help_has_every_command_under_its_heading_on_one_line() -> None:
    lines = shown().splitlines()

    assert max(map(len, lines)) <= WIDTH
    for heading, members in GROUPS.items():
        begin = lines.index(f"{heading}:") + 1
        assert [re.split(r"\s{2,}", line.strip()) for line in lines[begin : begin + len(members)]] == [
            list(row) for row in members.items()
        ]


def test_a_command_stands_under_one_heading() -> None:
    assert len(NAMES) == len(set(NAMES))
    assert list(GROUPS) == ["Pipeline", "Compare", "Search", "Sweep", "Upkeep"]


@pytest.mark.parametrize("name", NAMES)
def test_the_line_of_a_command_is_the_first_of_its_own_help(name: str) -> None:
    """It stands in a table so that the help of all imports none of them."""
    (sentence,) = (members[name] for members in GROUPS.values() if name in members)
    command = main.commands[name]

    assert command.name == name
    assert (command.help or "").splitlines()[0] == sentence


@pytest.mark.parametrize("name", ALL)
def test_every_command_and_option_is_explained(name: str) -> None:
    command = ALL[name]

    assert re.match(r"[A-Z].*[.?]", command.help or "")
    assert [option.name for option in command.params if isinstance(option, click.Option) and not option.help] == []
    assert shown(*name.split()).startswith(f"Usage: haechi {name} ")


@pytest.mark.parametrize("name", ALL)
def test_a_command_that_needs_something_shows_an_example_that_can_be_parsed(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "data" / "rows").mkdir(parents=True)  # an export, which must exist
    monkeypatch.chdir(tmp_path)
    command = ALL[name]
    if not command.epilog:
        assert not any(param.required for param in command.params)
        return
    example = re.fullmatch(r"Example: haechi ([^\n]+)", command.epilog)
    assert example
    words = shlex.split(example[1].partition(", with ")[0])

    assert " ".join(words).startswith(name)
    command.make_context(name, words[len(name.split()) :])


@pytest.mark.parametrize("name", ["--root", "--json", "--params", "--corpus", "--seed", "--all"])
def test_an_option_of_several_commands_has_one_type_and_one_default(name: str) -> None:
    """What it is for may differ with the command, for `--seed` and `--all`."""
    same = [o for command in ALL.values() for o in command.params if isinstance(o, click.Option) and name in o.opts]

    assert len(same) > 1
    assert len({(type(o.type), str(o.default), o.is_flag) for o in same}) == 1
    if name not in ("--seed", "--all"):
        assert len({o.help for o in same}) == 1


def test_there_is_one_kind_of_file_and_one_kind_of_folder() -> None:
    """`click.Path` gives strings, unless told otherwise; and a path may lie beside what the user meant."""
    paths = [(name, p) for name, command in ALL.items() for p in command.params if isinstance(p.type, click.Path)]

    assert len(paths) > 20
    assert {name for name, p in paths if p.type not in (FILE, FOLDER)} == {"verify", "rows import"}, "those may be either"
    assert all(p.type.exists for _, p in paths if p.type not in (FILE, FOLDER))  # type: ignore[attr-defined]


def test_no_command_imports_another() -> None:
    """What two of them need has a room, or stands in `options`."""
    modules = {path.stem: path for path in CLI.glob("*.py")}
    found = {
        f"{name} imports {imported}"
        for name, path in modules.items()
        for _, imported in imports(tree_of(path))
        if name != "main" and imported.startswith("haechi.cli.") and imported.split(".")[2] not in SHARED
    }

    assert found == set()


def test_every_module_of_the_room_is_a_command_or_shared() -> None:
    files = {path.stem for path in CLI.glob("*.py")} - {"__init__"}

    assert files == SHARED | {MODULES.get(name, name.replace("-", "_")) for name in NAMES}


def test_a_command_is_imported_when_it_is_asked_for() -> None:
    program = "import sys; from haechi.cli.main import main; main({!r}, standalone_mode=False); print(*sys.modules)"
    for words, expected in ((["--help"], set()), (["verify", "--help"], {"verify"})):
        done = python("-c", program.format(words), PYTHONPATH=str(ROOT / "src"))
        modules = {name.split(".")[2] for name in done.stdout.split() if name.startswith("haechi.cli.")}
        assert modules & {MODULES.get(name, name.replace("-", "_")) for name in NAMES} == expected, done.stderr


def test_no_help_waits_for_torch() -> None:
    program = "import sys; from haechi.cli.main import main; print(len(dict(main.commands))); print(*sys.modules)"
    count, loaded = python("-c", program, PYTHONPATH=str(ROOT / "src")).stdout.splitlines()

    assert int(count) == len(NAMES)
    assert {"haechi.cli.stage", "haechi.cli.sweep", "numpy"} <= set(loaded.split())
    assert not {"torch", "transformers", "sentence_transformers", "datasets", "matplotlib", "dvc"} & set(loaded.split())


def test_a_misspelt_command_is_answered_with_those_that_it_resembles() -> None:
    done = CliRunner().invoke(main, ["serch"])

    assert done.exit_code == 2
    assert "No such command 'serch'" in done.output
    assert "'search'" in done.output


def test_a_stage_without_a_name_lists_the_stages_with_what_they_do_and_where_their_figures_are(tmp_path: Path) -> None:
    (tmp_path / "dvc.yaml").write_text((ROOT / "dvc.yaml").read_text(encoding="utf-8"), encoding="utf-8")
    (tmp_path / "reports" / "stages").mkdir(parents=True)
    (tmp_path / "reports" / "stages" / "mine.json").write_text("{}", encoding="utf-8")
    done = CliRunner().invoke(main, ["stage", "--root", str(tmp_path)])

    assert done.exit_code == 0, done.output
    rows = [[cell.strip() for cell in line.split("│")[1:-1]] for line in done.output.splitlines() if line.startswith("│")]
    stages = load_stages(ROOT)
    assert [row[0] for row in rows if row[0]] == list(stages)
    assert " ".join(row[1] for row in rows) == " ".join(stage.description for stage in stages.values())
    figures = {row[0]: row[2] for row in rows}
    assert figures["mine"] == "reports/stages/mine.json"
    assert figures["train"] == "none yet: dvc repro train"
    assert figures["report"] == "-", "it counts nothing"


def test_stages_are_listed_in_a_pipeline_alone(tmp_path: Path) -> None:
    done = CliRunner().invoke(main, ["stage", "--root", str(tmp_path)])

    assert isinstance(done.exception, HaechiError)
    assert "dvc.yaml" in str(done.exception)
