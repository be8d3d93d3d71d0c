import pytest
from hypothesis import given
from hypothesis import strategies as st

from haechi.retrieval.fuse import reciprocal_rank, votes
from haechi.retrieval.run import Run

IDS = [f"a{i}" for i in range(10)]


def apart() -> st.SearchStrategy[list[tuple[str, float]]]:
    """Results whose scores stay apart when scaled."""
    return st.lists(
        st.tuples(st.sampled_from(IDS), st.integers(-50, 50)), unique_by=(lambda p: p[0], lambda p: p[1]), max_size=10
    )


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


def test_queries_of_any_run_are_fused() -> None:
    assert sorted(reciprocal_rank([Run({"q": [("a", 1.0)]}), Run({"r": [("b", 1.0)]})])) == ["q", "r"]
