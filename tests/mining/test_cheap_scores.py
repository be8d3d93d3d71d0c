"""Cheap scores with exact ones near the borders choose what exact scores alone choose."""

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from haechi.mining.cheap_scores_first import ChoiceRule, PoolRows, prescored


def places_of(last: int, number: int) -> list[int]:
    return [round(last * i / (number - 1)) for i in range(number)] if number > 1 else [0]


def plain_evenly(number: int, wanted: int) -> np.ndarray:
    return np.array(places_of(number - 1, wanted))


def chosen(pool: PoolRows, scores: np.ndarray, rule: ChoiceRule) -> list[set[int]]:
    """Plainly: below the margin, the best or evenly from best to worst."""
    choices = []
    for query in range(pool.queries):
        rows = np.flatnonzero(pool.query == query)
        positives = [scores[row] for row in rows if pool.positive[row]]
        bar = rule.margin * min(positives, default=np.inf)
        below = sorted((row for row in rows if not pool.positive[row] and scores[row] < bar), key=lambda row: -scores[row])
        number = len(below) - 1
        places = range(rule.negatives) if number < rule.negatives or not rule.evenly else places_of(number, rule.negatives)
        choices.append({below[place] for place in places if place <= number})
    return choices


@st.composite
def cases(draw: st.DrawFn):
    rng = np.random.default_rng(draw(st.integers(0, 999)))
    sizes = draw(st.lists(st.integers(0, 30), min_size=1, max_size=6))
    query = np.repeat(np.arange(len(sizes)), sizes)
    positive = rng.random(len(query)) < 0.1
    exact = rng.random(len(query))
    cheap = exact + rng.uniform(-1, 1, len(query)) * draw(st.sampled_from((0.0, 0.01, 0.1)))
    return (
        PoolRows(query, positive, len(sizes)),
        cheap,
        exact,
        ChoiceRule(0.95, draw(st.integers(1, 8)), 0.0, draw(st.sampled_from((None, plain_evenly)))),
    )


@given(cases())
def test_where_every_error_counts_as_near_the_choice_is_that_of_exact_scores(case) -> None:
    pool, cheap, exact, rule = case
    worst = np.abs(cheap - exact).max(initial=0.0)
    typical = float(np.sqrt(np.mean((cheap - exact)[pool.positive] ** 2))) if pool.positive.any() else 0.0
    scores, is_exact = prescored(pool, cheap, lambda rows: exact[rows], replace(rule, certainty=1e6 if typical else 0.0))

    assert (scores[is_exact] == exact[is_exact]).all()
    assert (scores[~is_exact] == cheap[~is_exact]).all()
    assert is_exact[pool.positive].all()
    if typical or not worst:
        assert chosen(pool, scores, rule) == chosen(pool, exact, rule)


@pytest.mark.parametrize(("evenly", "most"), [(None, 0.25), (plain_evenly, 0.45)])
def test_small_errors_leave_most_pairs_cheap_and_nearly_all_choices_right(evenly: Any, most: float) -> None:
    """800 queries, a positive and 50 candidates each; the cheap score is off by a tenth of their spread."""
    rng = np.random.default_rng(1)
    pool = PoolRows(np.repeat(np.arange(800), 51), np.tile(np.arange(51) == 0, 800), 800)
    exact = 0.5 + 0.08 * rng.standard_normal(len(pool.query))
    cheap = exact + 0.008 * rng.standard_normal(len(exact))
    rule = ChoiceRule(0.95, 7, 1.5, evenly)
    scores, is_exact = prescored(pool, cheap, lambda rows: exact[rows], rule)
    right, made = chosen(pool, exact, rule), chosen(pool, scores, rule)

    assert is_exact.mean() < most
    assert sum(len(one & other) for one, other in zip(right, made, strict=True)) > 0.97 * sum(map(len, right))


def test_without_candidates_there_is_nothing_to_do() -> None:
    none = np.zeros(0)
    scores, is_exact = prescored(
        PoolRows(none.astype(int), none.astype(bool), 3), none, lambda rows: none, ChoiceRule(0.95, 7, 1.5)
    )

    assert len(scores) == len(is_exact) == 0
