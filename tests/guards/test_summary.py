"""What the screen says of a training at its end, whatever became of it."""

from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from haechi.guards.status import TrainingStatus, status_of
from haechi.guards.summary import key_figures, summary


def status(**changed: Any) -> TrainingStatus:
    facts = {
        "examples": {"mined": 1985, "used": 1324, "rows": 1465},
        "validation": {"metric": "ndcg@10", "base": 0.1579, "best": 0.401},
        "health": {"loss": {"first": 3.3694, "last": 0.6737}},
        "steps": 36,
        "state": "finished",
        "verdict": "good",
        "reasons": ["validation rose"],
        "next": ["dvc exp run -n epochs-5 -S train.epochs=5", "dvc exp run -n lr-0.01 -S train.lr=0.01", "haechi doctor"],
    }
    return status_of(facts | changed)


def test_it_says_what_was_trained_on_and_what_came_of_it() -> None:
    read, made, dropped, said = summary(status())

    assert read == "1,985 mined examples, of which 1,324 are used (1,465 rows)"
    assert made == "36 steps; validation ndcg@10 0.1579 -> 0.4010; training loss 3.3694 -> 0.6737"
    assert dropped == {}
    assert said.splitlines() == ["finished, verdict good: validation rose", ADVICE]


ADVICE = "when this run is done: dvc exp run -n epochs-5 -S train.epochs=5; or dvc exp run -n lr-0.01 -S train.lr=0.01"


@given(reasons=st.lists(st.text("abc ", min_size=1), min_size=1, max_size=9))
def test_many_reasons_take_one_line_which_counts_those_that_it_leaves_out(reasons: list[str]) -> None:
    first, *rest = summary(status(verdict="failed", reasons=reasons))[3].splitlines()

    assert len(rest) == 1
    assert first.startswith(f"finished, verdict failed: {reasons[0]}")
    assert first.endswith(f"; {len(reasons) - 3} more reasons") == (len(reasons) > 3)


def test_a_training_without_a_loss_is_told_too() -> None:
    assert "loss" not in summary(status(health={}))[1]


def test_only_the_verdict_and_one_figure_are_compared_between_runs() -> None:
    assert key_figures(status()) == {"state": "finished", "verdict": "good", "validation": {"best": 0.401}}
