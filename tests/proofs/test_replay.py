"""A fresh clone elsewhere runs everything and gives the same bytes; `haechi verify`, which runs it, finds the one edited figure."""

from pathlib import Path
from types import ModuleType

import pytest
from proofs import project
from proofs.conftest import STAGES, Mini

from haechi.replay.run import Replay, replay
from haechi.runtime.files import read_json, read_records, write_json

pytestmark = [pytest.mark.slow, pytest.mark.timeout(900)]

EDITED = "metrics/train.json"


@pytest.fixture(scope="module")
def clone(mini: Mini, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Replay]:
    """Another directory, no cache, no run-cache: a replay of the finished run with one figure edited and committed."""
    root = tmp_path_factory.mktemp("replay")
    edited = project.copy_of(mini.folder, root / "project")
    write_json(edited / EDITED, read_json(edited / EDITED) | {"steps": 0})
    project.commit(edited, "an edited figure")
    folder = root / "somewhere" / "else"
    return folder, replay(edited, folder)


def test_a_fresh_clone_elsewhere_runs_everything_and_gives_the_same_bytes(
    mini: Mini, clone: tuple[Path, Replay], kills: ModuleType
) -> None:
    """The determinism gate, without the replay's own verdicts: dvc.lock, metrics, models, plots and the report, file by file."""
    folder, _ = clone
    ran = {line["stage"] for line in read_records(folder / ".haechi" / "stages.log.jsonl", dict)}

    assert ran == set(STAGES)
    assert kills.differences(kills.files_of(mini.folder), kills.files_of(folder)) == []
    assert project.git(folder, "status", "--porcelain").split() == ["M", EDITED], (
        "it gave the figure that was there before the edit"
    )


def test_an_edited_figure_is_found_and_every_other_file_agrees(clone: tuple[Path, Replay]) -> None:
    folder, done = clone

    assert [file.path for file in done.files if file.verdict != "agrees"] == [EDITED]
    assert (done.failed, done.changed_inputs) == (False, [])
    agreeing = {file.path for file in done.files if file.verdict == "agrees"}
    assert {"dvc.lock", "data/qa/questions.jsonl", "models/encoder/modules.json", "metrics/evaluate.json"} <= agreeing
    assert (folder / "models" / "encoder").is_dir(), "it really ran there"
