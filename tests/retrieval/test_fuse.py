import pytest
from hypothesis import given
from hypothesis import strategies as st

from haechi.retrieval.fuse import weighted
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
