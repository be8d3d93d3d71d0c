"""A reranker that isn't trained costs nothing and makes nothing else rerun, whatever its parameters say."""

from pathlib import Path

import pytest
from proofs import project

pytestmark = [pytest.mark.slow, pytest.mark.timeout(600)]


def test_parameters_of_a_reranker_that_is_off_rerun_its_marker_and_the_page_alone(finished: Path) -> None:
    """The page shows params.yaml whole."""
    parameters = finished / "params.yaml"
    before = parameters.read_text(encoding="utf-8")
    parameters.write_text(before.replace("depth: 5\n", "depth: 7\n"), encoding="utf-8")
    assert before != parameters.read_text(encoding="utf-8")

    log = project.dvc(finished, "repro").stdout

    assert project.stages_run(log) == ["train_reranker", "report"]
