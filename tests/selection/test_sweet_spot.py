"""Voters on made-up histories: right within one step, silent on noise, and nothing at all where validation is a copy."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from selection.histories import copied, history_of, late_overfitting, noise_only, planted_plateau
from selection.made import SELECT, VOTERS

from haechi.guards.history import HistoryRow
from haechi.runtime.errors import HaechiError
from haechi.selection.change_points import bent_line, mann_kendall, noise, smooth, structured
from haechi.selection.history import History, check, series_of
from haechi.selection.sweet_spot import Vote, find_spot, vote

PARAMS = replace(SELECT, voters=VOTERS)
SOURCE = Path("history.jsonl")


@pytest.mark.slow
@pytest.mark.parametrize("planted", [planted_plateau, late_overfitting])
def test_the_right_step_is_found_within_one(planted: Callable[[np.random.Generator], tuple[History, int]]) -> None:
    right = 0
    for seed in range(100):
        made, step = planted(np.random.default_rng(seed))
        found = vote(made, PARAMS).step
        right += found is not None and abs(found - step) <= 1
    assert right >= 90


def test_noise_is_left_alone_in_95_of_100() -> None:
    assert sum(vote(noise_only(np.random.default_rng(seed)), PARAMS).step is None for seed in range(100)) >= 95


def test_a_copied_validation_is_refused_and_an_honest_one_is_not() -> None:
    for seed in range(20):
        rng = np.random.default_rng(seed)
        check(late_overfitting(rng)[0], SOURCE)
        with pytest.raises(HaechiError, match="validation loss is the training loss"):
            check(copied(rng), SOURCE)


def test_a_copy_that_is_turned_round_is_a_copy() -> None:
    """The earlier system's accuracy was one less the loss of training."""
    made = late_overfitting(np.random.default_rng(0))[0]
    with pytest.raises(HaechiError, match="validation score is the training loss"):
        check(replace(made, score=tuple(1 - loss for loss in made.training_loss)), SOURCE)


def history(made: History) -> list[HistoryRow]:
    rows = [HistoryRow(0, {"valid_ndcg@10": 0.1})]
    for step, score, loss in zip(made.steps, made.score, made.training_loss, strict=True):
        rows += [HistoryRow(step, {"loss": loss, "grad_norm": 1.0}), HistoryRow(step, {"valid_ndcg@10": score})]
    return rows


def test_a_history_is_read_as_it_was_written_without_the_base() -> None:
    made = late_overfitting(np.random.default_rng(0))[0]
    found = series_of(history(made), "ndcg@10", SOURCE)

    assert (found.steps, found.score, found.training_loss) == (made.steps, made.score, made.training_loss)
    assert found.loss == ()
    assert find_spot(history(made), PARAMS, SOURCE).step == vote(replace(made, loss=(), gradient=found.gradient), PARAMS).step


@pytest.mark.parametrize(
    ("rows", "says"),
    [
        ([], "is empty"),
        ([HistoryRow(5, {"loss": 1.0})], "has no validation"),
        ([HistoryRow(0, {"valid_ndcg@10": 0.5})], "has no validation"),
        ([HistoryRow(5, {"valid_ndcg@10": float("nan")})], "not a finite number at step 5"),
    ],
)
def test_a_history_that_says_nothing_is_refused(rows: list[HistoryRow], says: str) -> None:
    with pytest.raises(HaechiError, match=says):
        series_of(rows, "ndcg@10", SOURCE)


def test_a_short_history_and_a_constant_one_get_no_vote() -> None:
    for truth in (np.linspace(0, 1, 5), np.full(30, 0.5)):
        found = vote(history_of(truth, np.random.default_rng(0), noise=0.0), PARAMS)
        assert found.step is None
        assert "abstain" in found.why


# How votes are counted


def counted(monkeypatch: pytest.MonkeyPatch, votes: dict[str, int | None], **changes: Any) -> int | None:
    from haechi.selection import sweet_spot

    voters = {name: (lambda history, params, at=at: Vote(at, "")) for name, at in votes.items()}
    monkeypatch.setattr(sweet_spot, "_VOTERS", voters)
    weights = changes.pop("weights", dict.fromkeys(votes, 1.0))
    made = History(tuple(range(100, 130)), (0.5,) * 30)
    return vote(made, replace(PARAMS, voters=weights, **changes)).step


@pytest.mark.parametrize(
    ("votes", "changes", "step"),
    [
        ((5, 5, None, 20), {}, 105),
        ((4, 6, 20, None), {}, 105),  # within one of each other's middle
        ((4, 6, 20, None), {"tolerance": 0}, None),
        ((5, None, None, None), {}, None),  # one alone is no agreement
        ((None, None, None, None), {}, None),
        ((5, 5, 20, 20), {"weights": {"plateau": 1.0, "criteria": 1.0, "change": 2.0, "optimum": 1.0}}, 120),
        ((5, 5, 20, None), {"agreement": 0.6}, None),
        ((5, 5, 20, 20), {}, 105),  # equals: the earlier one
    ],
)
def test_votes_are_counted(
    monkeypatch: pytest.MonkeyPatch, votes: tuple[int | None, ...], changes: dict[str, Any], step: int | None
) -> None:
    assert counted(monkeypatch, dict(zip(VOTERS, votes, strict=True)), **changes) == step


def test_the_vote_names_a_kept_checkpoint_or_none() -> None:
    made, _ = late_overfitting(np.random.default_rng(0))
    found = vote(made, PARAMS)

    assert found.checkpoint([f"step-{found.step:06d}", "step-000099"]) == f"step-{found.step:06d}"
    assert found.checkpoint(["step-000099"]) == ""


# The tests of trend


SERIES = st.lists(st.integers(0, 6).map(float), min_size=10, max_size=30)


@given(SERIES)
def test_mann_kendall_is_the_formula_with_ties_corrected(values: list[float]) -> None:
    """S over its standard deviation, written out; scipy leaves out the correction for continuity, as we do here."""
    from math import erfc, sqrt

    n = len(values)
    s = sum((values[j] > values[i]) - (values[j] < values[i]) for i in range(n) for j in range(i + 1, n))
    ties = [values.count(value) for value in set(values)]
    variance = (n * (n - 1) * (2 * n + 5) - sum(t * (t - 1) * (2 * t + 5) for t in ties)) / 18
    found = mann_kendall(values)
    if max(ties) == 1:
        return  # counted out exactly
    assert found == pytest.approx(erfc(abs(s) / sqrt(variance) / sqrt(2)) if variance else 1.0)


def test_noise_is_measured_beside_a_slope_and_a_bend() -> None:
    x = np.arange(200.0)
    rng = np.random.default_rng(0)
    for truth in (0 * x, 3 * x, np.minimum(x, 100)):
        assert noise((truth + rng.normal(0, 0.5, 200)).tolist()) == pytest.approx(0.5, rel=0.25)


def test_smoothing_leaves_a_straight_line_as_it_is() -> None:
    assert smooth([1.0, 3.0, 5.0, 7.0]).tolist() == pytest.approx([1.0, 3.0, 5.0, 7.0])


def test_a_bent_line_is_found_where_it_bends() -> None:
    x = np.arange(30.0)
    truth = np.minimum(x, 12.0) - np.maximum(x - 20, 0.0)
    found = bent_line((truth + np.random.default_rng(0).normal(0, 0.1, 30)).tolist())

    assert found is not None
    assert found.knots == pytest.approx((12, 20), abs=1)
    straight = bent_line((x + np.random.default_rng(1).normal(0, 0.1, 30)).tolist())
    assert straight is not None
    assert straight.knots == ()


def test_structure_is_seen_and_noise_seldom_taken_for_it() -> None:
    assert structured(np.linspace(0, 1, 12).tolist())
    assert structured(np.minimum(np.arange(20), np.arange(20)[::-1]).tolist())
    taken = sum(structured(np.random.default_rng(seed).normal(size=20).tolist()) for seed in range(500))
    assert taken <= 12
