"""An old name of a parameter or of a value is answered with today's, wherever it is met."""

from dataclasses import fields
from pathlib import Path
from typing import Any

import pytest
from ruamel.yaml import YAML

from haechi.pipeline.write_params import write_params
from haechi.runtime.errors import HaechiError, ParamsError, UsageError
from haechi.runtime.params import load_section
from haechi.runtime.renamed import PARAMETERS, VALUES, renamed, renamed_value
from haechi.runtime.sections import section_class
from haechi.sweeps.engine.config import read_sweep

PARAMS = Path(__file__).resolve().parents[2] / "params.yaml"


def refusal(section: str, values: dict[str, Any], folder: Path) -> str:
    file = folder / "params.yaml"
    YAML().dump({section: values}, file)
    with pytest.raises(ParamsError) as caught:
        load_section(file, section, section_class(section))
    return str(caught.value).removeprefix(f"{file}: ")


@pytest.mark.parametrize(("old", "new"), PARAMETERS.items())
def test_an_old_parameter_is_answered_with_its_name_of_today(old: str, new: str, tmp_path: Path) -> None:
    """Today's name is a parameter, the old one is none any more."""
    section, _, key = new.partition(".")
    values = dict(YAML(typ="safe").load(PARAMS)[section])
    assert key in {field.name for field in fields(section_class(section))}
    values[old.partition(".")[2]] = values.pop(key)
    assert refusal(section, values, tmp_path) == f"{old} is called {new} now"


@pytest.mark.parametrize(("place", "new"), VALUES.items())
def test_an_old_value_is_answered_with_its_name_of_today(place: tuple[str, str], new: str, tmp_path: Path) -> None:
    (parameter, old), (section, _, key) = place, place[0].partition(".")
    values = {**YAML(typ="safe").load(PARAMS)[section], key: old}
    assert refusal(section, values, tmp_path) == f"{parameter}: {old} is called {new} now"


def test_names_that_never_changed_get_no_sentence() -> None:
    assert renamed("train.lr") == renamed("") == ""
    assert renamed_value("model.base", "static") == renamed_value("model.base", ["embedded"]) == ""


def test_a_sweep_over_an_old_parameter_is_answered_too(tmp_path: Path) -> None:
    file = tmp_path / "sweep.yaml"
    file.write_text("name: old\nparameters: {train.accumulation: {choices: [1, 2]}}\n", encoding="utf-8")
    with pytest.raises(UsageError, match=r"^\S+: train\.accumulation is called train\.gradient_accumulation now$"):
        read_sweep(file, PARAMS)


def test_a_trial_of_an_earlier_sweep_is_not_written_under_its_old_names(tmp_path: Path) -> None:
    file = tmp_path / "params.yaml"
    file.write_text("train:\n  ema_decay: 0.9\n", encoding="utf-8")
    with pytest.raises(HaechiError, match=r"train\.average is called train\.ema_decay now, so nothing was written$"):
        write_params(file, {"train.average": 0.5})
    assert file.read_text(encoding="utf-8") == "train:\n  ema_decay: 0.9\n"
