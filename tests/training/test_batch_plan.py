from collections import Counter
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st
from training.made import PARAMS
from training.test_examples import example

from haechi.runtime.errors import HaechiError
from haechi.training.batch_plan import never_shown, plan, spread
from haechi.training.examples import Rows, make_rows

SOURCES = ("precedent", "question", "title")


@st.composite
def many_rows(draw: st.DrawFn) -> Rows:
    """Rows of three sources; few articles, so that they meet."""
    answers = draw(st.lists(st.tuples(st.integers(0, 5), st.sampled_from(SOURCES)), min_size=1, max_size=30))
    return make_rows([example(f"q{i}", [f"P{a}"], [], [], source) for i, (a, source) in enumerate(answers)], 0)


def shown(epochs) -> list[Counter[int]]:
    return [Counter(row for batch in epoch for row in batch) for epoch in epochs]


@given(many_rows(), st.sampled_from(("shuffled", "no_duplicates")), st.integers(1, 7), st.integers(1, 3))
def test_an_epoch_shows_every_row_once_in_as_few_batches_as_hold_them(rows: Rows, sampler: str, size: int, epochs: int) -> None:
    made = plan(rows, replace(PARAMS, sampler=sampler, batch_size=size, epochs=epochs))

    assert shown(made) == [Counter(range(len(rows)))] * epochs
    assert all(len(epoch) == -(-len(rows) // size) for epoch in made)
    assert all(len(batch) <= size for epoch in made for batch in epoch)


@given(many_rows(), st.integers(0, 99))
def test_a_plan_is_drawn_by_its_seed_and_each_epoch_anew(rows: Rows, seed: int) -> None:
    params = replace(PARAMS, seed=seed, epochs=4, batch_size=3)

    assert plan(rows, params) == plan(rows, params)
    if len(rows) > 12:
        assert len(set(plan(rows, params))) == 4
        assert plan(rows, params) != plan(rows, replace(params, seed=seed + 1))


def test_a_longer_plan_begins_like_a_shorter_one() -> None:
    rows = make_rows([example(f"q{i}", [f"P{i % 9}"], [], []) for i in range(20)], 0)

    assert plan(rows, replace(PARAMS, epochs=5))[:2] == plan(rows, replace(PARAMS, epochs=2))


@given(
    st.lists(st.tuples(st.integers(0, 8), st.integers(0, 8)).map(lambda k: (f"a{k[0]}", k[1])), min_size=1, max_size=40),
    st.integers(1, 8),
)
def test_spread_loses_nothing_and_fills_the_fewest_batches(keys, size: int) -> None:
    batches = spread(keys, size)

    assert sorted(i for batch in batches for i in batch) == list(range(len(keys)))
    assert len(batches) == -(-len(keys) // size)
    assert all(0 < len(batch) <= size for batch in batches) or len(keys) < size * len(batches)


def test_rows_of_one_query_or_one_article_stay_apart_where_there_is_room() -> None:
    """Eight articles with four rows each in batches of eight: each batch can hold each article once."""
    rows = make_rows([example(f"q{i}", [f"P{i % 8}"], [], []) for i in range(32)], 0)
    for seed in range(20):
        for batch in plan(rows, replace(PARAMS, sampler="no_duplicates", batch_size=8, epochs=1, seed=seed))[0][:2]:
            articles = [rows.documents[row, 0] for row in batch]
            assert len(set(articles)) == len(articles)


def test_keeping_apart_makes_far_fewer_meet_than_chance() -> None:
    rows = make_rows([example(f"q{i}", [f"P{i % 9}"], [], []) for i in range(90)], 0)

    def meetings(sampler: str) -> int:
        batches = plan(rows, replace(PARAMS, sampler=sampler, batch_size=6, epochs=1))[0]
        return sum(len(batch) - len({int(rows.documents[row, 0]) for row in batch}) for batch in batches)

    assert meetings("no_duplicates") <= meetings("shuffled") / 4


@given(st.integers(1, 5), st.lists(st.integers(1, 9), min_size=2, max_size=8), st.integers(2, 4))
def test_batches_of_classes_hold_k_of_each_and_every_row_before_any_comes_again(k: int, sizes: list[int], p: int) -> None:
    examples = [example(f"q{a}-{i}", [f"P{a}"], [], []) for a, size in enumerate(sizes) for i in range(size)]
    rows = make_rows(examples, 0)
    params = replace(PARAMS, sampler="classes", per_class=k, batch_size=p * k, epochs=1, small_classes="leave_out")
    large = [size for size in sizes if size >= k]
    if len(large) < 2:
        with pytest.raises(HaechiError, match="sampler `classes`"):
            plan(rows, params)
        return
    (epoch,) = plan(rows, params)
    often = shown([epoch])[0]

    for batch in epoch:
        assert all(count % k == 0 for count in Counter(int(rows.documents[row, 0]) for row in batch).values())
    assert never_shown(rows, [epoch]) == sum(size for size in sizes if size < k)
    assert sum(often.values()) == sum(-(-size // k) * k for size in large)
    assert len(often) == sum(large)
    assert set(often.values()) <= {1, 2}


@given(st.integers(1, 5), st.lists(st.integers(1, 9), min_size=2, max_size=8))
def test_a_class_smaller_than_k_is_one_sentence_with_its_number_and_the_ways_out(k: int, sizes: list[int]) -> None:
    rows = make_rows([example(f"q{a}-{i}", [f"P{a}"], [], []) for a, size in enumerate(sizes) for i in range(size)], 0)
    params = replace(PARAMS, sampler="classes", per_class=k, batch_size=2 * k, epochs=1, small_classes="refuse")
    small = [f"P{a}" for a, size in enumerate(sizes) if size < k]
    if not small:
        assert never_shown(rows, plan(rows, params)) == 0
        return
    with pytest.raises(HaechiError) as caught:
        plan(rows, params)
    assert str(caught.value) == (
        f"train: {len(small)} of {len(sizes)} articles have fewer rows than train.per_class {k}, such as {small[0]}; "
        "lower train.per_class, or set train.small_classes to leave_out"
    )


def test_rows_whose_source_weighs_nothing_are_counted_as_never_shown() -> None:
    rows = make_rows([example(f"q{i}", ["P1"], [], [], SOURCES[i % 3]) for i in range(12)], 0)

    assert never_shown(rows, plan(rows, replace(PARAMS, weights={"title": 0.0}))) == 4
    assert never_shown(rows, plan(rows, replace(PARAMS, epochs=1, curriculum=(("title",),)))) == 8
    assert never_shown(rows, plan(rows, PARAMS)) == 0


def test_a_batch_must_hold_two_classes() -> None:
    rows = make_rows([example(f"q{i}", [f"P{i % 2}"], [], []) for i in range(8)], 0)

    with pytest.raises(HaechiError, match="fewer than two classes"):
        plan(rows, replace(PARAMS, sampler="classes", per_class=4, batch_size=7))


@given(many_rows(), st.dictionaries(st.sampled_from(SOURCES), st.sampled_from((0.0, 0.5, 1.0, 2.0, 2.5))))
def test_weights_say_how_often_an_epoch_shows_a_source(rows: Rows, weights: dict[str, float]) -> None:
    weights = {source: weight for source, weight in weights.items() if source in rows.sources}
    params = replace(PARAMS, weights=weights, epochs=2, batch_size=5)
    wanted = {source: round(rows.sources.count(source) * weights.get(source, 1.0)) for source in set(rows.sources)}
    if not sum(wanted.values()):
        with pytest.raises(HaechiError, match="leave no example"):
            plan(rows, params)
        return
    for epoch in shown(plan(rows, params)):
        for source in wanted:
            counts = [epoch[row] for row in range(len(rows)) if rows.sources[row] == source]
            assert abs(sum(counts) - wanted[source]) <= 1  # a half may be rounded either way
            assert max(counts) - min(counts) <= 1


def test_a_curriculum_shares_the_epochs_between_its_stages() -> None:
    rows = make_rows([example(f"q{i}", ["P1"], [], [], SOURCES[i % 3]) for i in range(12)], 0)
    params = replace(PARAMS, epochs=5, curriculum=(("title", "question"), ()))

    sources = [{rows.sources[row] for row in epoch} for epoch in shown(plan(rows, params))]

    assert sources == [{"title", "question"}] * 3 + [set(SOURCES)] * 2


@pytest.mark.parametrize("change", [{"weights": {"precident": 2.0}}, {"curriculum": (("precedent",), ("titel",))}])
def test_a_source_that_nobody_has_is_named(change) -> None:
    rows = make_rows([example("q", ["P1"], [], [])], 0)

    with pytest.raises(HaechiError, match=r"precident|titel"):
        plan(rows, replace(PARAMS, **change))
