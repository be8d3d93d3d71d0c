"""A ranking shows ties as ties and can't contradict its figures, whatever the pairs say."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from selection.made import clusters

from haechi.runtime.errors import HaechiError, UsageError
from haechi.scoring.significance import Resampler
from haechi.selection.ranking import Ranking, composite, places, rank, settle

SCORES = st.lists(st.sampled_from([0.1, 0.2, 0.3, 0.4]), min_size=1, max_size=7).map(lambda found: sorted(found, reverse=True))


@st.composite
def judged(draw: st.DrawFn) -> tuple[list[float], np.ndarray]:
    """Scores from high to low and any pairwise findings at all, transitive or not."""
    scores = draw(SCORES)
    n = len(scores)
    found = np.zeros((n, n), dtype=bool)
    for i in range(n):
        for j in range(i + 1, n):
            found[i, j] = found[j, i] = draw(st.booleans())
    return scores, found


@given(judged())
def test_better_is_an_order_and_never_against_the_scores(drawn: tuple[list[float], np.ndarray]) -> None:
    scores, differ = drawn
    better = settle(scores, differ)
    n = len(scores)

    for i in range(n):
        for j in range(n):
            if better[i, j]:
                assert scores[i] > scores[j]
                assert differ[i, j]
                assert not better[j, i]
            for k in range(n):
                assert not (better[i, j] and better[j, k]) or better[i, k]
                if better[i, j] and scores[k] >= scores[i]:
                    assert better[k, j], "who scores more is better than whoever is beaten"


@given(judged())
def test_it_is_what_its_definition_says_taken_literally(drawn: tuple[list[float], np.ndarray]) -> None:
    scores, differ = drawn
    n = range(len(scores))
    literal = [
        [
            scores[i] > scores[j] and all(differ[a, b] for a in n for b in n if scores[a] >= scores[i] and scores[b] <= scores[j])
            for j in n
        ]
        for i in n
    ]
    assert settle(scores, differ).tolist() == literal


@given(judged())
def test_places_follow_the_scores_and_ties_overlap(drawn: tuple[list[float], np.ndarray]) -> None:
    scores, differ = drawn
    better = settle(scores, differ)
    found = places(better)

    for i, (first, last) in enumerate(found):
        assert 1 <= first <= last <= len(scores)
        for j, (other_first, other_last) in enumerate(found):
            if scores[i] > scores[j]:
                assert first <= other_first
                assert last <= other_last
            if scores[i] == scores[j]:
                assert (first, last) == (other_first, other_last)
            if better[i, j]:
                assert first < other_first
            elif not better[j, i]:
                assert first <= other_last
                assert other_first <= last


def ranked(columns: dict[str, np.ndarray]) -> Ranking:
    return rank(columns, Resampler(clusters(len(next(iter(columns.values())))), 1000, 0.95, 7))


def noisy(mean: float, seed: int, of: np.ndarray) -> np.ndarray:
    return of + mean + np.random.default_rng(seed).normal(0, 0.1, len(of))


def test_a_clear_difference_is_told_and_a_chance_one_is_a_tie() -> None:
    level = np.random.default_rng(0).uniform(0, 1, 200)
    found = ranked({"low": noisy(0.0, 1, level), "high": noisy(0.2, 2, level), "same": noisy(0.2, 3, level)})

    assert {model.name: model.place for model in found.models} == {"high": "1-2", "same": "1-2", "low": "3"}
    assert found.verdict("high", "same") == "tie"
    assert found.verdict("high", "low") == "better"
    assert found.verdict("low", "high") == "worse"


def test_the_earlier_systems_table_comes_out_in_the_order_of_its_figures() -> None:
    """It printed .3257 and .3266 as two firsts, and put .3274 below them."""
    printed = {"820": 0.3257, "410": 0.3266, "2050": 0.3274, "1640": 0.3254, "1230": 0.3234, "1600": 0.3131}
    found = ranked({name: np.full(40, score) for name, score in printed.items()})

    assert [model.name for model in found.models] == ["2050", "410", "820", "1640", "1230", "1600"]
    assert [model.first for model in found.models] == [1, 2, 3, 4, 5, 6], "without scatter each difference is real"


def test_a_ranking_does_not_depend_on_the_order_in_which_models_are_named() -> None:
    level = np.random.default_rng(0).uniform(0, 1, 60)
    columns = {f"m{i}": noisy(0.02 * i, i, level) for i in range(5)}

    assert ranked(columns) == ranked(dict(reversed(columns.items())))


def test_pure_noise_is_ranked_as_seldom_as_promised() -> None:
    """Five equal models in each of 100 rankings; p is adjusted over the ten pairs."""
    told = 0
    for seed in range(100):
        rng = np.random.default_rng(seed)
        level = rng.uniform(0, 1, 60)
        columns = {f"m{i}": level + rng.normal(0, 0.1, 60) for i in range(5)}
        told += bool(rank(columns, Resampler(clusters(60), 400, 0.95, seed)).better)
    assert told <= 10


def test_one_model_alone_is_first_and_none_at_all_is_an_error() -> None:
    assert ranked({"a": np.ones(4)})["a"].place == "1"
    with pytest.raises(HaechiError, match="nothing to rank"):
        rank({}, Resampler(["g"], 100, 0.95, 7))


def test_the_composite_is_the_weighted_mean() -> None:
    metrics = {"ndcg@10": np.array([0.2, 0.4]), "mrr@10": np.array([1.0, 0.0])}

    assert composite(metrics, {"ndcg@10": 3, "mrr@10": 1}).tolist() == pytest.approx([0.4, 0.3])
    with pytest.raises(UsageError, match="no metric is called bleu"):
        composite(metrics, {"bleu": 1.0})
    with pytest.raises(UsageError, match="add up to 0"):
        composite(metrics, {"ndcg@10": 0.0})


def test_optimism_is_what_choosing_the_best_of_equals_adds() -> None:
    """Ten equal models in 60 simulations: the best one's figure is too high, and about right once corrected."""
    raw, corrected, one = [], [], []
    for seed in range(60):
        rng = np.random.default_rng(seed)
        table = rng.normal(0.5, 0.2, (100, 10))
        sample = Resampler([str(i) for i in range(100)], 400, 0.95, seed)
        best = table.mean(axis=0).max()
        raw.append(best - 0.5)
        corrected.append(best - sample.optimism(table) - 0.5)
        one.append(sample.optimism(table[:, :1]))
    assert np.mean(raw) > 0.025
    assert abs(np.mean(corrected)) < 0.4 * np.mean(raw)
    assert abs(np.mean(one)) < 0.002, "nothing was chosen among one"
