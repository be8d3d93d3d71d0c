"""Where all figures of a stage lie: `metrics/` holds only the few that people compare between runs, since DVC shows every one.

These files are outputs that DVC caches, not in git. The test set's stage is frozen and runs in no fresh clone, so its figures
stay in git, beside the metrics.
"""

from pathlib import Path
from typing import Any

from haechi.runtime.errors import HaechiError
from haechi.runtime.files import read_json

STAGES = (
    "preprocess",
    "testset",
    "make_pairs",
    "merge_corpus",
    "base",
    "generate_qa",
    "mine",
    "train",
    "select",
    "train_reranker",
    "evaluate",
)
FOLDER = Path("reports/stages")
IN_GIT = {"testset": Path("metrics/testset.json")}


def file_of(stage: str) -> Path:
    """Where a stage's figures lie, below the project."""
    return IN_GIT.get(stage, FOLDER / f"{stage}.json")


def read_details(root: Path, stage: str) -> dict[str, Any]:
    """All figures of a stage's last run."""
    file = root / file_of(stage)
    if not file.is_file():
        raise HaechiError(f"{file}: no such file; make it with `dvc repro {stage}`")
    found: dict[str, Any] = read_json(file)
    return found
