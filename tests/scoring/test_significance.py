"""Simulated runs of which the truth is known: 60 decisions with one to four queries, which resemble each other."""

import itertools

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from haechi.scoring.significance import Resampler, difference, holm, interval

RUNS = 300


def groups(rng: np.random.Generator, number: int = 60) -> np.ndarray:
    return np.repeat(np.arange(number), rng.integers(1, 5, number))


def clustered(rng: np.random.Generator, of: np.ndarray) -> np.ndarray:
    """Noise of mean 0, half of it shared by a decision's queries."""
    return rng.normal(0, 0.2, of.max() + 1)[of] + rng.normal(0, 0.2, len(of))


def test_two_equal_systems_are_told_apart_as_seldom_as_promised() -> None:
    """At 5%, 300 runs: 15 expected, standard deviation 3.8; clusters ignored would give 40 and more."""
    rejected = outside = 0
    for seed in range(RUNS):
        rng = np.random.default_rng(seed)
        of = groups(rng)
        level = rng.uniform(0, 1, len(of))
        found = difference(level + clustered(rng, of), level, [f"g{g}" for g in of], 300, 0.95, seed)
        rejected += found.p <= 0.05
        outside += not found.low <= 0 <= found.high

    assert 4 <= rejected <= 28
    assert 4 <= outside <= 32


def test_the_interval_covers_the_truth_as_often_as_promised() -> None:
    covered = 0
    for seed in range(RUNS):
        rng = np.random.default_rng(1000 + seed)
        of = groups(rng)
        found = interval(0.5 + clustered(rng, of), [str(g) for g in of], 300, 0.9, seed)
        covered += found.low <= 0.5 <= found.high

    assert 0.82 * RUNS <= covered <= 0.96 * RUNS


def test_a_real_difference_is_found() -> None:
    rng = np.random.default_rng(1)
    of = groups(rng)
    level = rng.uniform(0, 1, len(of))
    found = difference(level + 0.2 + clustered(rng, of), level, [str(g) for g in of], 500, 0.95, 1)

    assert found.low > 0
    assert found.p < 0.01


@given(st.lists(st.floats(0, 1), min_size=1, max_size=12), st.integers(0, 9))
def test_p_is_never_zero_and_never_above_one(values: list[float], seed: int) -> None:
    found = difference(values, [0.0] * len(values), [str(i) for i in range(len(values))], 100, 0.95, seed)

    assert 1 / 101 <= found.p <= 1.0
    assert found.low - 1e-12 <= found.value <= found.high + 1e-12 or len(set(values)) > 1


@given(st.lists(st.floats(0, 1), min_size=2, max_size=12), st.integers(0, 9))
def test_changing_sides_turns_the_sign_and_keeps_p(values: list[float], seed: int) -> None:
    other, of = values[::-1], [str(i // 2) for i in range(len(values))]
    there = difference(values, other, of, 200, 0.95, seed)
    back = difference(other, values, of, 200, 0.95, seed)

    assert there.value == pytest.approx(-back.value, abs=1e-12)
    assert there.p == back.p
    assert there.low == pytest.approx(-back.high, abs=1e-9)


def test_the_value_is_the_plain_mean_of_queries_not_of_groups() -> None:
    found = interval([1.0, 1.0, 1.0, 0.0], ["a", "a", "a", "b"], 200, 0.95, 1)

    assert found.value == 0.75
    assert (found.low, found.high) == (0.0, 1.0)


def test_one_large_group_is_no_proof() -> None:
    """A hundred queries of one decision are one observation: flipping it gives the same size every time."""
    found = difference([1.0] * 100, [0.0] * 100, ["only"] * 100, 500, 0.95, 1)

    assert found.p == 1.0


def test_the_same_seed_gives_the_same_figures() -> None:
    values, of = list(np.random.default_rng(1).uniform(size=30)), [str(i // 3) for i in range(30)]

    assert interval(values, of, 200, 0.95, 5) == interval(values, of, 200, 0.95, 5)


def test_two_groups_can_not_prove_anything() -> None:
    """Of four sign patterns two are as large; and the interval is as wide as the data, as a t with one degree is."""
    found = difference([1.0] * 10, [0.0] * 10, ["a"] * 5 + ["b"] * 5, 2000, 0.95, 1)

    assert found.p == pytest.approx(0.5, abs=0.05)


def test_columns_of_one_call_get_what_they_would_get_alone() -> None:
    rng = np.random.default_rng(3)
    table, of = rng.uniform(size=(30, 4)), [str(i // 3) for i in range(30)]
    together = Resampler(of, 300, 0.95, 5).differences(table[:, :2], table[:, 2:])

    for i, found in enumerate(together):
        alone = difference(table[:, i], table[:, i + 2], of, 300, 0.95, 5)
        assert found.value == pytest.approx(alone.value)
        assert (found.low, found.high) == pytest.approx((alone.low, alone.high))
        assert found.p == alone.p


def test_p_is_that_of_all_sign_patterns_where_they_can_be_counted() -> None:
    gaps = np.array([0.3, 0.1, -0.2, 0.4, 0.25, -0.05, 0.1, 0.3])
    patterns = np.array(list(itertools.product((-1, 1), repeat=len(gaps))))
    exact = (np.abs(patterns @ gaps) >= abs(gaps.sum()) - 1e-12).mean()

    assert difference(gaps, np.zeros(8), list("abcdefgh"), 20_000, 0.95, 1).p == pytest.approx(exact, abs=0.01)


@given(st.lists(st.sampled_from((0.0, 0.25, 0.5, 1.0)), min_size=1, max_size=20))
def test_every_query_is_won_tied_or_lost(values: list[float]) -> None:
    other, of = values[1:] + values[:1], [str(i) for i in range(len(values))]
    found = difference(values, other, of, 100, 0.95, 1)

    assert found.wins == sum(a > b for a, b in zip(values, other, strict=True))
    assert found.wins + found.ties + found.losses == len(values)


def test_holm_by_hand() -> None:
    """Sorted .01 .02 .03 .04 times 4 3 2 1 gives .04 .06 .06 .06: never falling."""
    assert holm([0.04, 0.01, 0.03, 0.02]) == pytest.approx([0.06, 0.04, 0.06, 0.06])
    assert holm([0.5, 0.9]) == [1.0, 1.0]
    assert holm([]) == []


@given(st.lists(st.floats(1e-4, 1), min_size=1, max_size=8))
def test_adjusting_never_lowers_p_nor_changes_the_order(ps: list[float]) -> None:
    adjusted = holm(ps)

    assert all(a >= p or a == 1.0 for a, p in zip(adjusted, ps, strict=True))
    assert [a for _, a in sorted(zip(ps, adjusted, strict=True))] == sorted(adjusted)


def test_four_times_the_queries_see_half_the_difference() -> None:
    few = np.random.default_rng(1).normal(0, 0.3, 400)
    many = np.tile(few, 4)
    found = [difference(g, np.zeros(len(g)), [str(i) for i in range(len(g))], 100, 0.95, 1) for g in (few, many)]

    assert found[0].detectable / found[1].detectable == pytest.approx(2.0, rel=0.01)
    assert found[0].needed == pytest.approx(400 * (found[0].detectable / abs(found[0].value)) ** 2, rel=0.01)
