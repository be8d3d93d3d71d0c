"""Cheap scores with exact ones near the borders choose what exact scores alone choose."""

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from haechi.mining.cheap_scores_first import Asked, Wanted, prescored


def places_of(last: int, number: int) -> list[int]:
    return [round(last * i / (number - 1)) for i in range(number)] if number > 1 else [0]


def plain_evenly(number: int, wanted: int) -> np.ndarray:
    return np.array(places_of(number - 1, wanted))


def chosen(asked: Asked, scores: np.ndarray, wanted: Wanted) -> list[set[int]]:
    """Plainly: below the margin, the best or evenly from best to worst."""
    found = []
    for query in range(asked.queries):
        rows = np.flatnonzero(asked.query == query)
        positives = [scores[row] for row in rows if asked.positive[row]]
        bar = wanted.margin * min(positives, default=np.inf)
        below = sorted((row for row in rows if not asked.positive[row] and scores[row] < bar), key=lambda row: -scores[row])
        number = len(below) - 1
        places = (
            range(wanted.negatives) if number < wanted.negatives or not wanted.evenly else places_of(number, wanted.negatives)
        )
        found.append({below[place] for place in places if place <= number})
    return found


@st.composite
def cases(draw: st.DrawFn):
    rng = np.random.default_rng(draw(st.integers(0, 999)))
    sizes = draw(st.lists(st.integers(0, 30), min_size=1, max_size=6))
    query = np.repeat(np.arange(len(sizes)), sizes)
    positive = rng.random(len(query)) < 0.1
    exact = rng.random(len(query))
    cheap = exact + rng.uniform(-1, 1, len(query)) * draw(st.sampled_from((0.0, 0.01, 0.1)))
    return (
        Asked(query, positive, len(sizes)),
        cheap,
        exact,
        Wanted(0.95, draw(st.integers(1, 8)), 0.0, draw(st.sampled_from((None, plain_evenly)))),
    )


@given(cases())
def test_where_every_error_counts_as_near_the_choice_is_that_of_exact_scores(case) -> None:
    asked, cheap, exact, wanted = case
    worst = np.abs(cheap - exact).max(initial=0.0)
    typical = float(np.sqrt(np.mean((cheap - exact)[asked.positive] ** 2))) if asked.positive.any() else 0.0
    scores, known = prescored(asked, cheap, lambda rows: exact[rows], replace(wanted, certainty=1e6 if typical else 0.0))

    assert (scores[known] == exact[known]).all()
    assert (scores[~known] == cheap[~known]).all()
    assert known[asked.positive].all()
    if typical or not worst:
        assert chosen(asked, scores, wanted) == chosen(asked, exact, wanted)


@pytest.mark.parametrize(("evenly", "most"), [(None, 0.25), (plain_evenly, 0.45)])
def test_small_errors_leave_most_pairs_cheap_and_nearly_all_choices_right(evenly: Any, most: float) -> None:
    """800 queries, a positive and 50 candidates each; the cheap score is off by a tenth of their spread."""
    rng = np.random.default_rng(1)
    asked = Asked(np.repeat(np.arange(800), 51), np.tile(np.arange(51) == 0, 800), 800)
    exact = 0.5 + 0.08 * rng.standard_normal(len(asked.query))
    cheap = exact + 0.008 * rng.standard_normal(len(exact))
    wanted = Wanted(0.95, 7, 1.5, evenly)
    scores, known = prescored(asked, cheap, lambda rows: exact[rows], wanted)
    right, made = chosen(asked, exact, wanted), chosen(asked, scores, wanted)

    assert known.mean() < most
    assert sum(len(one & other) for one, other in zip(right, made, strict=True)) > 0.97 * sum(map(len, right))


def test_without_candidates_there_is_nothing_to_do() -> None:
    none = np.zeros(0)
    scores, known = prescored(Asked(none.astype(int), none.astype(bool), 3), none, lambda rows: none, Wanted(0.95, 7, 1.5))

    assert len(scores) == len(known) == 0
