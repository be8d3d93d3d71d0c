import pytest
from hypothesis import given
from hypothesis import strategies as st

from haechi.retrieval.fuse import reciprocal_rank, votes, weighted
from haechi.retrieval.run import Run

IDS = [f"a{i}" for i in range(10)]


def apart() -> st.SearchStrategy[list[tuple[str, float]]]:
    """Results whose scores stay apart when scaled."""
    return st.lists(
        st.tuples(st.sampled_from(IDS), st.integers(-50, 50)), unique_by=(lambda p: p[0], lambda p: p[1]), max_size=10
    )


@given(apart(), apart())
def test_all_weight_on_one_side_gives_the_order_of_that_side(first, second) -> None:
    lexical, dense = Run({"q": first}), Run({"q": second})
    only_dense, only_lexical = weighted(lexical, dense, 1.0, 99)["q"], weighted(lexical, dense, 0.0, 99)["q"]

    assert [s.id for s in only_dense if s.id in dict(second)] == [s.id for s in dense["q"]]
    assert [s.id for s in only_lexical if s.id in dict(first)] == [s.id for s in lexical["q"]]
    assert all(s.score == 0.0 for s in only_dense if s.id not in dict(second))


@given(apart(), apart(), st.sampled_from((0.0, 0.3, 0.5, 1.0)))
def test_the_two_sides_may_change_places(first, second, weight: float) -> None:
    one, other = Run({"q": first}), Run({"q": second})
    there, back = weighted(one, other, weight, 99)["q"], weighted(other, one, 1.0 - weight, 99)["q"]

    assert dict(there) == pytest.approx(dict(back))


@given(apart(), apart(), st.integers(1, 9), st.integers(-30, 30))
def test_scale_and_shift_of_a_side_do_not_matter(first, second, scale: int, shift: int) -> None:
    plain = weighted(Run({"q": first}), Run({"q": second}), 0.4, 99)["q"]
    moved = weighted(Run({"q": [(id, s * scale + shift) for id, s in first]}), Run({"q": second}), 0.4, 99)["q"]

    assert dict(plain) == pytest.approx(dict(moved))


def test_a_worked_example() -> None:
    """Lexical a 4, b 2, c 0 -> 1, .5, 0; dense b .9, d .5 -> 1, 0. Weight .6: b .6 + .4 * .5 = .8, a .4, c 0, d 0."""
    fused = weighted(Run({"q": [("a", 4), ("b", 2), ("c", 0)]}), Run({"q": [("b", 0.9), ("d", 0.5)]}), 0.6, 3)["q"]

    assert [(s.id, round(s.score, 9)) for s in fused] == [("b", 0.8), ("a", 0.4), ("c", 0.0)]


def test_votes_are_those_of_the_earlier_system() -> None:
    """6, 3 and 1 for the first three of each list, a half for any rank below; first in both is 12."""
    first = Run({"q": [(id, -rank) for rank, id in enumerate("abcdef")]})
    second = Run({"q": [(id, -rank) for rank, id in enumerate("aefgb")]})
    wanted = {"a": 12.0, "b": 3.5, "c": 1.0, "d": 0.5, "e": 3.5, "f": 1.5, "g": 0.5}

    assert dict(votes([first, second])["q"]) == wanted
    assert [s.id for s in votes([first, second], 4)["q"]] == ["a", "b", "e", "f"]


@given(apart(), apart(), apart())
def test_reciprocal_ranks_are_summed_over_all_lists_whatever_their_scores(one, two, three) -> None:
    runs = [Run({"q": ranked}) for ranked in (one, two, three)]
    ranks = [{s.id: rank for rank, s in enumerate(run["q"], start=1)} for run in runs]
    wanted = {id: sum(1 / (60 + rank[id]) for rank in ranks if id in rank) for id in {i for rank in ranks for i in rank}}

    assert dict(reciprocal_rank(runs)["q"]) == pytest.approx(wanted)
    assert dict(reciprocal_rank(runs[::-1])["q"]) == pytest.approx(wanted)


@given(apart(), apart())
def test_the_weighted_fusion_sums_shares_of_scores_that_were_scaled_within_their_list(first, second) -> None:
    def scaled(ranked: list[tuple[str, float]]) -> dict[str, float]:
        low, high = min(score for _, score in ranked), max(score for _, score in ranked)
        return {id: (score - low) / (high - low) if high > low else 1.0 for id, score in ranked}

    one, other = (scaled(ranked) if ranked else {} for ranked in (first, second))
    wanted = {id: 0.3 * one.get(id, 0.0) + 0.7 * other.get(id, 0.0) for id in one.keys() | other.keys()}

    assert dict(weighted(Run({"q": first}), Run({"q": second}), 0.7, 99)["q"]) == pytest.approx(wanted)


def test_queries_of_any_run_are_fused_and_those_of_the_second_where_it_is_weighted() -> None:
    one, other = Run({"q": [("a", 1.0)]}), Run({"r": [("b", 1.0)]})

    assert sorted(reciprocal_rank([one, other])) == ["q", "r"]
    assert list(weighted(one, other, 0.5, 5)) == ["r"]
