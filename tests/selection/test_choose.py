"""Which candidate is taken: every branch on made-up scores."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from selection.made import SELECT, clusters

from haechi.scoring.significance import Resampler
from haechi.selection.choose import Candidate, Choice, choose

N = 60
SAMPLE = Resampler(clusters(N), 400, 0.95, 7)
LEVEL = np.random.default_rng(0).uniform(0.2, 0.6, N)
CANDIDATES = (
    Candidate("base", "base", {"base": 1.0}),
    Candidate("step-000001", "checkpoint", {"step-000001": 1.0}),
    Candidate("step-000002", "checkpoint", {"step-000002": 1.0}),
    Candidate("uniform soup", "soup", {"step-000001": 0.5, "step-000002": 0.5}),
)


def chosen(base: float, one: float, two: float, soup: float, voted: str = "", scatter: float = 0.05, **changes: float) -> Choice:
    """Each model is so much above a common level on average, with a scatter of its own."""
    columns = {}
    for number, (candidate, gain) in enumerate(zip(CANDIDATES, (base, one, two, soup), strict=True)):
        wobble = np.random.default_rng(number).normal(0, scatter, N)
        columns[candidate.name] = LEVEL + gain + wobble - wobble.mean()
    return choose(CANDIDATES, columns, SAMPLE, replace(SELECT, **changes), voted)


def test_the_best_checkpoint_is_taken_where_no_merge_earns_its_place() -> None:
    found = chosen(0.0, 0.1, 0.15, 0.151)

    assert found.name == found.single == "step-000002"
    assert "no merge earned its place: uniform soup comes closest with +0.0010" in found.why.en


def test_a_merge_that_is_hardly_behind_is_not_minus_nought_standard_errors_away() -> None:
    found = chosen(0.0, 0.1, 0.15, 0.15 - 1e-6)

    assert "-0.0000 (0.0 standard errors)" in found.why.en
    assert "-0.0000(표준 오차의 0.0배)" in found.why.ko


def test_a_merge_that_beats_it_by_more_than_a_standard_error_is_taken() -> None:
    found = chosen(0.0, 0.1, 0.15, 0.2)

    assert found.name == "uniform soup"
    assert found.single == "step-000002"
    assert found.why.en.startswith("uniform soup beats the best single checkpoint, step-000002, by +0.05")


@pytest.mark.parametrize("asked", [0.5, 1.0, 2.0, 4.0])
def test_the_bound_is_where_the_parameter_says(asked: float) -> None:
    error = chosen(0.0, 0.1, 0.15, 0.2).gaps["uniform soup"].error

    assert chosen(0.0, 0.1, 0.15, 0.15 + 0.99 * asked * error, errors=asked).name == "step-000002"
    assert chosen(0.0, 0.1, 0.15, 0.15 + 1.01 * asked * error, errors=asked).name == "uniform soup"


def test_the_standard_error_is_that_of_the_paired_difference_by_groups() -> None:
    """Written out: the sums of the groups' differences, around their share of the mean."""
    gap = np.random.default_rng(3).normal(0.1, 0.2, N)
    sums = gap.reshape(-1, 2).sum(axis=1)
    literal = np.sqrt(len(sums) / (len(sums) - 1) * ((sums - 2 * gap.mean()) ** 2).sum()) / N

    assert SAMPLE.standard_error(gap) == pytest.approx(literal)


def test_the_base_stays_unless_it_is_beaten_by_enough() -> None:
    assert chosen(0.2, 0.1, 0.15, 0.1).name == "base"
    assert "The untuned base stays" in chosen(0.2, 0.1, 0.15, 0.1).why.en
    assert chosen(0.1, 0.1, 0.15, 0.1, min_gain=0.06).name == "base"
    assert chosen(0.1, 0.1, 0.15, 0.1, min_gain=0.04).name == "step-000002"


def test_the_sweet_spot_is_taken_if_the_best_is_ahead_by_chance_only() -> None:
    near = chosen(0.0, 0.149, 0.15, 0.0, voted="step-000001")
    far = chosen(0.0, 0.05, 0.15, 0.0, voted="step-000001")

    assert near.name == "step-000001"
    assert "sweet spot" in near.why.en
    assert far.name == "step-000002"
    assert "the vote's step-000001 is behind it" in far.why.en


def test_equal_checkpoints_go_to_the_earlier_one() -> None:
    assert chosen(0.0, 0.1, 0.1, 0.1, scatter=0.0).name == "step-000001"


@given(st.tuples(*[st.floats(-0.2, 0.2)] * 4), st.sampled_from(["", "step-000001", "step-000002"]))
def test_whatever_is_chosen_is_never_clearly_worse_than_another_that_was_allowed(gains: tuple[float, ...], voted: str) -> None:
    found = chosen(*gains, voted=voted)
    means = dict(zip((c.name for c in CANDIDATES), gains, strict=True))

    if found.name == "base":
        assert means["base"] >= means[found.single] - 1e-9
    elif found.name == "uniform soup":
        assert means["uniform soup"] > means[found.single]
    else:
        best = max(means["step-000001"], means["step-000002"])
        assert means[found.name] >= best - 0.03, "at most a standard error behind the best"


def test_chance_merges_are_seldom_taken() -> None:
    """A merge that is no better passes one standard error in 16 of 100 cases: the price of the rule, stated here."""
    taken = 0
    for seed in range(200):
        rng = np.random.default_rng(seed)
        columns = {c.name: LEVEL + (c.kind != "base") * 0.2 + rng.normal(0, 0.05, N) for c in CANDIDATES}
        columns["step-000001"] -= 0.2
        taken += choose(CANDIDATES, columns, SAMPLE, SELECT).name == "uniform soup"
    assert 15 <= taken <= 50


def test_below_zero_min_gain_takes_the_last_checkpoint_that_costs_less() -> None:
    found = chosen(0.0, 0.05, -0.004, 0.2, min_gain=-0.005)

    assert found.name == found.single == "step-000002"
    assert "step-000002 is the last checkpoint that costs less than 0.005" in found.why.en
    assert chosen(0.0, -0.004, -0.006, 0.2, min_gain=-0.005).name == "step-000001"
    assert found.gaps.keys() == {"base", "step-000001", "uniform soup"}


def test_below_zero_min_gain_keeps_the_base_where_every_checkpoint_costs_more() -> None:
    found = chosen(0.0, -0.02, -0.006, 0.2, min_gain=-0.005)

    assert found.name == "base"
    assert "every checkpoint costs 0.005" in found.why.en
    assert "step-000002" in found.why.en
    assert "0.005 이상 잃습니다" in found.why.ko
