"""Of which validations the log tells: enough to see where a long training is, few enough for a screen."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from training.made import VALIDATION, examples, recipe, static, train

from haechi.guards.history import read_history
from haechi.runtime.files import read_json, sha256_folder
from haechi.training.checkpointing import SAID, spread


@given(st.sets(st.integers(1, 10**6), max_size=60))
def test_a_log_tells_of_few_validations_and_always_of_the_last(steps: set[int]) -> None:
    told = spread(steps)

    assert told <= steps
    assert len(told) == min(len(steps), SAID)
    assert not steps or max(steps) in told


def test_they_are_spread_evenly() -> None:
    assert sorted(spread(range(1, 9))) == [2, 4, 6, 8]


@pytest.mark.slow
def test_a_run_that_ends_earlier_leaves_what_the_whole_run_had_there(tmp_path: Path) -> None:
    """A share of the steps is one of the schedule: the rate falls as in the whole run, whose validations change nothing."""
    whole = recipe(pin=(2, 4), ema_decay=0.0)
    train(static(), examples(), VALIDATION, tmp_path / "whole", whole)
    steps = read_json(tmp_path / "whole/training_config.json")["steps"]
    told = train(static(), examples(), VALIDATION, tmp_path / "part", recipe(ema_decay=0.0), shares=(4 / steps, 2 / steps))

    kept = {path.name for path in (tmp_path / "part/checkpoints").iterdir()}
    assert kept == {"step-000002", "step-000004"}
    assert steps > 4
    assert told["state"] == "finished"
    assert max(row.step for row in read_history(tmp_path / "part/history.jsonl")) == 4
    for name in kept:
        assert sha256_folder(tmp_path / "part/checkpoints" / name) == sha256_folder(tmp_path / "whole/checkpoints" / name)
