"""What is trained once more, how far, and what can't be, in one sentence."""

from pathlib import Path
from shutil import copytree
from typing import Any

import numpy as np
import pytest
from safetensors.numpy import load_file
from serving.village import model_folder
from small_params import MINI

from haechi.guards.params import GuardsParams
from haechi.mining.params import MineParams
from haechi.models.load import open_encoder
from haechi.pipeline.stage_details import file_of
from haechi.pipeline.write_params import write_params
from haechi.release.release import ON_VALIDATION, WORK, Twin, put_together, read_twin, without_choices
from haechi.runtime.errors import HaechiError
from haechi.runtime.files import read_text, write_json, write_text
from haechi.runtime.params import load_section
from haechi.training.params import TrainParams


def project(root: Path, chosen: str, kind: str, parts: dict[str, float], **params: Any) -> Path:
    """What a run has left of which a release reads something."""
    write_json(root / file_of("select"), {"chosen": chosen, "candidates": {chosen: {"kind": kind, "parts": parts}}})
    write_json(root / file_of("evaluate"), {"testset": "frozen", "encoder": "twin", "gating": {"threshold": 0.2}})
    write_json(root / "models/run/training_config.json", {"steps": 8})
    (root / "models/base").mkdir(parents=True)
    write_text(root / "params.yaml", read_text(MINI))
    write_params(root / "params.yaml", params)
    return root


@pytest.mark.parametrize(
    ("kind", "parts", "shares"),
    [
        ("checkpoint", {"step-000006": 1.0}, [0.75]),
        ("soup", {"step-000006": 0.333333, "step-000008": 0.333333, "step-000002": 0.333333}, [0.25, 0.75, 1.0]),
        ("interpolation", {"base": 0.25, "step-000004": 0.75}, [0.5]),
        ("average", {"average": 1.0}, [1.0]),
    ],
)
def test_it_ends_where_the_last_part_of_the_chosen_model_was_left(
    tmp_path: Path, kind: str, parts: dict[str, float], shares: list[float]
) -> None:
    twin = read_twin(project(tmp_path, "it", kind, parts))

    assert twin.shares == shares
    assert sum(twin.parts.values()) == pytest.approx(1.0)
    assert twin.parts.keys() == parts.keys()


@pytest.mark.parametrize(
    ("chosen", "kind", "params", "said"),
    [
        ("base", "base", {}, "no training to do again"),
        ("crossover", "crossover", {}, "set select.crossover to 0"),
        ("it", "checkpoint", {"train.resume_from": "models/earlier"}, "train.resume_from"),
    ],
)
def test_what_cannot_be_done_again_is_refused(tmp_path: Path, chosen: str, kind: str, params: dict[str, Any], said: str) -> None:
    with pytest.raises(HaechiError, match=f"^release: .*{said}"):
        read_twin(project(tmp_path, chosen, kind, {"step-000006": 1.0}, **params))


def test_nothing_is_chosen_by_queries_that_it_is_trained_on(tmp_path: Path) -> None:
    guards = {
        "guards.action": {"collapse": "rollback", "degradation": "rollback", "early_stopping": "stop", "non_finite": "lower_lr"}
    }
    root = project(tmp_path, "it", "checkpoint", {"step-000006": 1.0}, **guards, **{"guards.rollbacks": 2, "train.pin": [3]})

    write_params(root / "params.yaml", without_choices(root, read_twin(root)))

    made = load_section(root / "params.yaml", "guards", GuardsParams)
    assert {made.action[rule] for rule in ON_VALIDATION} == {"ignore"}
    assert made.action["collapse"] == "stop", "of the best weights so far nobody knows"
    assert made.action["non_finite"] == "lower_lr"
    assert made.rollbacks == 0
    train = load_section(root / "params.yaml", "train", TrainParams)
    assert (train.pin, train.ema_decay, train.keep_last) == ((), 0.0, False)
    assert load_section(root / "params.yaml", "mine", MineParams).encoder == ".haechi/release/models/base"


def test_the_average_is_made_where_it_was_chosen(tmp_path: Path) -> None:
    root = project(tmp_path, "it", "average", {"average": 1.0})

    assert "train.ema_decay" not in without_choices(root, read_twin(root))
    assert isinstance(read_twin(root), Twin)


@pytest.mark.slow
@pytest.mark.parametrize("parts", [{"step-000003": 1.0}, {"base": 0.25, "step-000003": 0.5, "step-000008": 0.25}])
def test_it_is_made_of_the_checkpoints_that_stand_where_the_twins_stood(tmp_path: Path, parts: dict[str, float]) -> None:
    """The twin's third of 8 steps is the 15th of 40; which of its own are near is found by that."""
    work = tmp_path / WORK
    names = {"base": work / "models/base"}
    names |= {name: work / "models/run/checkpoints" / name for name in ("step-000015", "step-000040")}
    for seed, folder in enumerate(names.values(), start=1):
        copytree(model_folder(seed), folder)
    run = {"steps": 40, "checkpoints": [{"name": f"step-{step:06d}", "step": step} for step in (40, 15)]}
    twin = Twin("twin", "frozen", "it", parts, 8, 0.2)

    put_together(tmp_path, twin, run, tmp_path / "out")

    theirs = {"base": "base", "step-000003": "step-000015", "step-000008": "step-000040"}
    table = sum(part * weights(names[theirs[name]]) for name, part in parts.items())
    np.testing.assert_allclose(weights(tmp_path / "out"), table, rtol=0, atol=1e-6)
    assert open_encoder(tmp_path / "out").encode_query(["우물"]).shape == (1, 32)


def weights(folder: Path) -> Any:
    """The table of a static model."""
    [table] = load_file(folder / "model.safetensors").values()
    return table
