"""Simulated runs of which the truth is known: 60 decisions with one to four queries, which resemble each other."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from haechi.evaluation.significance import difference, interval

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
        found = difference(level + clustered(rng, of), level, [f"g{g}" for g in of], 300, 0.95, rng)
        rejected += found.p <= 0.05
        outside += not found.low <= 0 <= found.high

    assert 4 <= rejected <= 28
    assert 4 <= outside <= 32


def test_the_interval_covers_the_truth_as_often_as_promised() -> None:
    covered = 0
    for seed in range(RUNS):
        rng = np.random.default_rng(1000 + seed)
        of = groups(rng)
        found = interval(0.5 + clustered(rng, of), [str(g) for g in of], 300, 0.9, rng)
        covered += found.low <= 0.5 <= found.high

    assert 0.82 * RUNS <= covered <= 0.96 * RUNS


def test_a_real_difference_is_found() -> None:
    rng = np.random.default_rng(1)
    of = groups(rng)
    level = rng.uniform(0, 1, len(of))
    found = difference(level + 0.2 + clustered(rng, of), level, [str(g) for g in of], 500, 0.95, rng)

    assert found.low > 0
    assert found.p < 0.01


@given(st.lists(st.floats(0, 1), min_size=1, max_size=12), st.integers(0, 9))
def test_p_is_never_zero_and_never_above_one(values: list[float], seed: int) -> None:
    found = difference(values, [0.0] * len(values), [str(i) for i in range(len(values))], 100, 0.95, np.random.default_rng(seed))

    assert 1 / 101 <= found.p <= 1.0
    assert found.low - 1e-12 <= found.value <= found.high + 1e-12 or len(set(values)) > 1


@given(st.lists(st.floats(0, 1), min_size=2, max_size=12), st.integers(0, 9))
def test_changing_sides_turns_the_sign_and_keeps_p(values: list[float], seed: int) -> None:
    other, of = values[::-1], [str(i // 2) for i in range(len(values))]
    there = difference(values, other, of, 200, 0.95, np.random.default_rng(seed))
    back = difference(other, values, of, 200, 0.95, np.random.default_rng(seed))

    assert there.value == pytest.approx(-back.value, abs=1e-12)
    assert there.p == back.p
    assert there.low == pytest.approx(-back.high, abs=1e-9)


def test_the_value_is_the_plain_mean_of_queries_not_of_groups() -> None:
    found = interval([1.0, 1.0, 1.0, 0.0], ["a", "a", "a", "b"], 200, 0.95, np.random.default_rng(1))

    assert found.value == 0.75
    assert (found.low, found.high) == (0.0, 1.0)


def test_one_large_group_is_no_proof() -> None:
    """A hundred queries of one decision are one observation: flipping it gives the same size every time."""
    found = difference([1.0] * 100, [0.0] * 100, ["only"] * 100, 500, 0.95, np.random.default_rng(1))

    assert found.p == 1.0


def test_the_same_seed_gives_the_same_figures() -> None:
    values, of = list(np.random.default_rng(1).uniform(size=30)), [str(i // 3) for i in range(30)]

    assert interval(values, of, 200, 0.95, np.random.default_rng(5)) == interval(values, of, 200, 0.95, np.random.default_rng(5))
