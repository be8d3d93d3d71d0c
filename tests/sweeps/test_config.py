"""The file of a sweep, the hours, the slots, and what is written into params.yaml."""

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from proofs.project import ROOT
from ruamel.yaml import YAML

from haechi.pipeline.write_params import write_params
from haechi.runtime.errors import HaechiError, UsageError
from haechi.sweeps.engine.config import grid, read_sweep
from haechi.sweeps.engine.slots import Slot, slots_of, taken
from haechi.sweeps.engine.storage import Storage
from haechi.sweeps.engine.study import open_study
from haechi.sweeps.engine.time_window import Window
from haechi.sweeps.experiments.preset import preset, write_preset

PARAMS = ROOT / "params.yaml"
GOOD: dict[str, Any] = {"name": "one", "parameters": {"train.lr": {"low": 1e-5, "high": 1e-2, "log": True}}}


def written(folder: Path, value: dict[str, Any]) -> Path:
    YAML().dump(value, folder / "sweep.yaml")
    return folder / "sweep.yaml"


def axis(**changed: Any) -> dict[str, Any]:
    return {"parameters": {"train.lr": {"low": 1e-5, "high": 1e-2, **changed}}}


@pytest.mark.parametrize(
    ("changed", "words"),
    [
        ({"parameters": {"train.learning_rate": {"low": 1, "high": 2}}}, "train.learning_rate is no parameter of"),
        ({"parameters": {"trian.lr": {"low": 1, "high": 2}}}, "trian.lr is no parameter of"),
        (axis(low=1e-2, high=1e-5), "train.lr: low 0.01 is above high 1e-05"),
        (axis(low=1e-3, high=1e-3), r"train.lr: the range 0.001..0.001 is empty"),
        (axis(low=0.0, log=True), "train.lr: a range by logarithm has to begin above 0, found 0"),
        (axis(low=-1.0), "train.lr: expected `float` > 0.0"),
        (axis(choices=[1e-3]), "train.lr: give either low and high, or choices"),
        (axis(hgih=3), "train.lr.hgih is unknown"),
        ({"parameters": {"train.batch_size": {"choices": [32, 0.5]}}}, "train.batch_size: expected `int`"),
        ({"parameters": {"evaluate.depth": {"choices": [10, 20]}}}, "a trial ends at select"),
        ({"parameters": {"testset.seed": {"choices": [1, 2]}}}, "the test set is frozen"),
        ({"parameters": {"train.seed": {"choices": [1, 2]}}}, "the luckiest seed says nothing"),
        ({"parameters": {}}, "there is nothing to search"),
        ({"method": "grid"}, "a grid needs choices, or a range with a step"),
        ({"metric": "loss"}, "metric: invalid enum value 'loss' .*ndcg@10"),
        ({"trails": 3}, "trails is unknown"),
        ({"time_window": "25-3"}, "expected two hours"),
        ({"timezone": "Seoul"}, "time zone 'Seoul' is unknown"),
        ({"fixed": {"train.lr": 1e-3}}, "train.lr is both searched and fixed"),
        ({"parameters": {"lora.alpha": {"choices": [8, 16], "when": {"lora.rank": [4]}}}}, "neither searched nor fixed"),
        ({"name": "a/b"}, "letters, digits"),
    ],
)
def test_a_sweep_that_can_not_run_is_refused_in_one_sentence(changed: dict[str, Any], words: str, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=words) as caught:
        read_sweep(written(tmp_path, {**GOOD, **changed}), PARAMS)
    assert "\n" not in str(caught.value)
    assert "sweep.yaml" in str(caught.value) or "time" in str(caught.value)


def test_the_file_of_the_test_above_is_good_without_its_fault(tmp_path: Path) -> None:
    assert read_sweep(written(tmp_path, GOOD), PARAMS).parameters["train.lr"].log


def test_the_preset_is_a_valid_file_that_fits_the_configured_model(tmp_path: Path) -> None:
    sweep = write_preset(tmp_path / "preset.yaml", PARAMS, "preset")
    assert not {"model.base", "lora.rank", "lora.alpha", "model.max_length"} & sweep.parameters.keys()
    assert (sweep.parameters["train.lr"].low or 0) >= 5e-5
    negatives = sweep.parameters["train.hard_negative_ratio"]
    assert (negatives.low, negatives.high) == (0.2, 0.6)
    sections = YAML(typ="safe").load(PARAMS.read_text(encoding="utf-8"))
    taught = {**sections, "loss": {**sections["loss"], "name": "kl"}}
    assert "train.hard_negative_ratio" not in preset(taught, "taught")["parameters"]
    sections["model"]["base"] = "multilingual-e5-small"
    YAML().dump(sections, tmp_path / "params.yaml")
    transformer = read_sweep(written(tmp_path, preset(sections, "hub")), tmp_path / "params.yaml")
    assert {"model.base", "lora.rank", "lora.alpha", "lora.dropout", "model.max_length"} <= transformer.parameters.keys()
    assert transformer.parameters["lora.alpha"].when == {"lora.rank": (4, 8, 16)}
    assert (transformer.parameters["train.lr"].low, transformer.parameters["train.lr"].high) == (5e-7, 1e-4)


def test_a_grid_leaves_out_what_its_condition_rules_out(tmp_path: Path) -> None:
    space = {
        "lora.rank": {"choices": [0, 8]},
        "lora.alpha": {"choices": [8, 16], "when": {"lora.rank": [8]}},
        "train.epochs": {"low": 1, "high": 3, "whole": True, "step": 2},
    }
    found = grid(read_sweep(written(tmp_path, {"name": "g", "method": "grid", "trials": 0, "parameters": space}), PARAMS))
    assert len(found) == 2 * 1 + 2 * 2
    assert {"lora.rank": 0, "train.epochs": 3} in found
    assert all(("lora.alpha" in point) == (point["lora.rank"] == 8) for point in found)


def test_an_unknown_study_is_named_with_those_that_there_are(tmp_path: Path) -> None:
    storage = Storage(str(tmp_path / "journal.log"))
    open_study(storage, "known")
    with pytest.raises(HaechiError, match="there is no study 'other'; there are: known"):
        open_study(storage, "other", create=False)


def test_a_database_that_can_not_be_reached_is_one_sentence_without_its_password() -> None:
    with pytest.raises(HaechiError) as caught:
        Storage("postgresql://me:secret@127.0.0.1:1/none")
    assert "secret" not in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.slow
@given(st.floats(1e-7, 1e-1), st.integers(1, 512))
def test_params_keep_every_other_byte(rate: float, size: int) -> None:
    import tempfile

    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "params.yaml"
        before = PARAMS.read_text(encoding="utf-8")
        file.write_text(before, encoding="utf-8")
        write_params(file, {"train.lr": rate, "train.batch_size": size})
        after = file.read_text(encoding="utf-8")
        differing = [(a, b) for a, b in zip(before.splitlines(), after.splitlines(), strict=True) if a != b]
        assert all(a.split(":")[0].strip() in ("lr", "batch_size") for a, _ in differing)
        found = YAML(typ="safe").load(after)
        assert found["train"]["lr"] == rate
        assert found["train"]["batch_size"] == size


def test_an_unknown_parameter_is_not_written(tmp_path: Path) -> None:
    file = tmp_path / "params.yaml"
    file.write_text("train:\n  lr: 1\n", encoding="utf-8")
    with pytest.raises(HaechiError, match=r"has no train\.rate"):
        write_params(file, {"train.rate": 2})
    assert file.read_text(encoding="utf-8") == "train:\n  lr: 1\n"


@given(st.integers(0, 23), st.integers(1, 23), st.datetimes(datetime(2026, 1, 1), datetime(2026, 12, 31)))
def test_a_window_opens_where_it_says_over_midnight_too(start: int, length: int, moment: datetime) -> None:
    window = Window.read(f"{start}-{(start + length) % 24}", "Asia/Seoul")
    now = moment.replace(tzinfo=UTC, microsecond=0)
    here = now.astimezone(window.zone)
    inside = (here.hour - start) % 24 < length
    waited = window.wait(now)
    assert (waited == 0) == inside
    assert window.wait(now + timedelta(seconds=waited)) == 0
    if waited > 1:
        assert window.wait(now + timedelta(seconds=waited - 1)) > 0


def test_slots_are_gpus_or_shares_of_the_cores() -> None:
    assert [slot.environment for slot in slots_of({}, ["0", "1"], 8)] == [
        {"CUDA_VISIBLE_DEVICES": "0"},
        {"CUDA_VISIBLE_DEVICES": "1"},
    ]
    assert slots_of({}, [], 8) == [Slot("cpu", {})]
    assert [slot.name for slot in slots_of({"HAECHI_DEVICE": "cpu", "HAECHI_SLOTS": "2"}, ["0"], 8)] == ["cpu-1of2", "cpu-2of2"]
    assert set(slots_of({"HAECHI_SLOTS": "2"}, [], 8)[0].environment.values()) == {"4"}
    with pytest.raises(HaechiError, match="HAECHI_SLOTS should be a whole number, from 1 to 8"):
        slots_of({"HAECHI_SLOTS": "9"}, [], 8)


def test_two_never_share_a_slot(tmp_path: Path) -> None:
    slots = [Slot("a", {}), Slot("b", {})]
    with taken(slots, tmp_path) as first, taken(slots, tmp_path) as second:
        assert {first.name, second.name} == {"a", "b"}
        with pytest.raises(HaechiError, match="every slot of this machine is taken"), taken(slots, tmp_path, patience=0):
            pass
    with taken(slots, tmp_path) as again:
        assert again.name == "a"
