"""Commands work from any folder of a project, and a path that the user gives is meant from where the user stands."""

import json
import os
from pathlib import Path

import click
import pytest

from haechi.cli.main import main
from haechi.cli.project import Anywhere, Command, Commands, FolderOrName, project_of
from haechi.runtime.errors import HaechiError
from haechi.runtime.files import read_text, write_text

GIVEN = click.Path(path_type=Path)


@click.group(cls=Commands, invoke_without_command=True)
@click.option("--file", type=GIVEN, default=Path("sweep.yaml"))
@click.pass_context
def group(context: click.Context, file: Path) -> None:
    if not context.invoked_subcommand:
        click.echo(f"{Path.cwd()} {file}")


@group.command()
@click.option("--out", type=GIVEN, default=Path("reports"))
@click.option("--there", type=click.Path(path_type=Path, exists=True))
@click.argument("models", nargs=-1, type=FolderOrName())
def tell(out: Path, there: Path | None, models: tuple[str, ...]) -> None:
    click.echo(f"{Path.cwd()} {out} {there} {' '.join(models)}")


@group.command(cls=Anywhere)
@click.option("--raw", type=GIVEN, default=Path("data/raw"))
def read(raw: Path) -> None:
    click.echo(f"{Path.cwd()} {raw}")


@group.command()
@click.argument("file", type=GIVEN)
def load(file: Path) -> None:
    click.echo(read_text(file))


@pytest.fixture
def below(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder deep in a project."""
    for name in ("dvc.yaml", "params.yaml"):
        (tmp_path / name).touch()
    folder = tmp_path / "notes" / "deep"
    (folder / "mine").mkdir(parents=True)
    monkeypatch.chdir(folder)
    return folder


def said(capsys: pytest.CaptureFixture[str], *words: str) -> str:
    group.main(list(words), standalone_mode=False)
    return capsys.readouterr().out.strip()


def test_a_command_works_in_the_projects_folder_with_its_own_defaults(below: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert said(capsys, "tell") == f"{below.parents[1]} reports None"


def test_what_the_user_names_is_meant_from_where_the_user_stands(below: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert said(capsys, "tell", "--out", "mine.html") == f"{below.parents[1]} notes/deep/mine.html None"


def test_a_path_that_must_exist_is_looked_for_where_the_user_stands(below: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert said(capsys, "tell", "--there", "mine") == f"{below.parents[1]} reports notes/deep/mine"


def test_an_absolute_path_stays(below: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert said(capsys, "tell", "--out", "/else/x.html") == f"{below.parents[1]} /else/x.html None"


def test_a_name_is_a_folder_only_if_there_is_one(below: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert said(capsys, "tell", "mine", "HEAD~1") == f"{below.parents[1]} reports None notes/deep/mine HEAD~1"


def test_a_groups_own_option_counts_too(below: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert said(capsys, "--file", "mine/s.yaml") == f"{below.parents[1]} notes/deep/mine/s.yaml"
    assert said(capsys) == f"{below.parents[1]} sweep.yaml"


def test_outside_a_project_the_command_says_so_in_one_sentence(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(HaechiError, match=r"belongs to no project \(no folder from here upwards has dvc.yaml and params.yaml\)"):
        group.main(["tell"], standalone_mode=False)


def test_outside_a_project_a_command_with_all_its_paths_works(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    assert said(capsys, "read", "--raw", "here") == f"{tmp_path} here"
    with pytest.raises(HaechiError, match="belongs to no project"):
        group.main(["read"], standalone_mode=False)


def test_the_nearest_project_counts(below: Path) -> None:
    for name in ("dvc.yaml", "params.yaml"):
        (below.parent / name).touch()

    assert project_of(below) == below.parent


@pytest.mark.parametrize(
    ("file", "remedy"),
    [
        ("../../data/mined/audit/queries.jsonl", "; make it with `dvc repro mine`"),
        ("../../metrics/mine.json", "; make it with `dvc repro mine`"),
        ("../../data/mined/other.jsonl", ""),
        ("../../data/testset/queries.jsonl", ""),
        ("data/mined/audit/queries.jsonl", ""),
    ],
)
def test_who_misses_an_output_reads_which_stage_makes_it(below: Path, file: str, remedy: str) -> None:
    """A frozen stage makes nothing on a run, and a file elsewhere may have an output's name."""
    stages = {
        "testset": {"cmd": "python a.py", "frozen": True, "outs": ["data/testset"]},
        "mine": {"cmd": "python b.py", "outs": ["data/mined/audit"], "metrics": [{"metrics/mine.json": {"cache": False}}]},
    }
    write_text(below.parents[1] / "dvc.yaml", json.dumps({"stages": stages}))
    for path in (file, str((below / file).resolve())):
        with pytest.raises(HaechiError) as caught:
            group.main(["load", path], standalone_mode=False)
        assert str(caught.value).partition(": no such file")[2] == remedy
        os.chdir(below)


def leaves(group: click.Group) -> list[click.Command]:
    found = []
    for command in group.commands.values():
        found += leaves(command) if isinstance(command, click.Group) else [command]
    return found


def test_every_command_finds_its_project() -> None:
    assert len(leaves(main)) > 25
    assert [command.name for command in leaves(main) if not isinstance(command, Command)] == []
    assert [
        group.name for group in main.commands.values() if isinstance(group, click.Group) and not isinstance(group, Commands)
    ] == []
