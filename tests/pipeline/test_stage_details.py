"""All figures of a stage: where they lie, that `haechi stage` loses none, and what it says where there are none."""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from click.testing import CliRunner
from report.made import project

from haechi.cli.main import main
from haechi.pipeline.stage_details import STAGES, file_of
from haechi.runtime.files import read_json


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return project(tmp_path_factory.mktemp("details"))


def names(value: object, prefix: str = "") -> Iterator[tuple[str, object]]:
    if isinstance(value, dict):
        for key, inner in value.items():
            yield from names(inner, f"{prefix}.{key}" if prefix else key)
    else:
        yield prefix, value


@pytest.mark.parametrize("stage", STAGES)
def test_every_figure_of_a_stage_is_shown(made: Path, stage: str) -> None:
    shown = CliRunner().invoke(main, ["stage", stage, "--root", str(made)])

    assert shown.exit_code == 0, shown.output
    packed = re.sub(r"[\s│]", "", shown.output)
    for name, value in names(read_json(made / file_of(stage))):
        assert re.sub(r"\s", "", f"{name}{value}") in packed


def test_the_candidates_of_select_stand_in_a_table_with_the_chosen_one_marked(made: Path) -> None:
    shown = CliRunner().invoke(main, ["stage", "select", "--root", str(made)]).output

    assert "│ step-000004 * │ checkpoint │   1-3 │ 0.5000 │ [0.4000, 0.6000] │" in shown
    assert shown.index("step-000004 *") < shown.index("step-000008")


def test_figures_that_are_not_there_are_named_with_the_command_that_makes_them(tmp_path: Path) -> None:
    shown = CliRunner().invoke(main, ["stage", "mine", "--root", str(tmp_path)])

    assert shown.exit_code == 1
    assert str(shown.exception) == f"{tmp_path / 'reports/stages/mine.json'}: no such file; make it with `dvc repro mine`"


def test_only_stages_that_count_something_have_figures() -> None:
    shown = CliRunner().invoke(main, ["stage", "minee"])

    assert shown.exit_code == 2
    assert "'minee' is not one of 'preprocess'" in shown.output
