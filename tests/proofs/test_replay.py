"""`haechi verify` on the miniature pipeline: one edited figure is found among all files, and nothing else is accused."""

from pathlib import Path

import pytest
from proofs import project

from haechi.files import read_json, write_json
from haechi.replay.run import replay

pytestmark = [pytest.mark.slow, pytest.mark.timeout(900)]


def test_an_edited_figure_is_found_and_every_other_file_agrees(finished: Path, tmp_path: Path) -> None:
    metrics = finished / "metrics" / "train.json"
    write_json(metrics, read_json(metrics) | {"steps": 0})
    project.commit(finished, "an edited figure")

    done = replay(finished, tmp_path / "clone")

    assert [file.path for file in done.files if file.verdict != "agrees"] == ["metrics/train.json"]
    assert (done.failed, done.changed_inputs) == (False, [])
    agreeing = {file.path for file in done.files if file.verdict == "agrees"}
    assert {"dvc.lock", "data/qa/questions.jsonl", "models/encoder/modules.json", "metrics/evaluate.json"} <= agreeing
    assert (tmp_path / "clone" / "models" / "encoder").is_dir(), "it really ran there"
