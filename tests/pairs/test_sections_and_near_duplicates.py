from hypothesis import given
from hypothesis import strategies as st
from strategies import key_tables, short_texts

from haechi.text.grouping import group_of
from haechi.text.near_duplicates import GRAM, NearDuplicates, grams, jaccard, jaccard_below


def closure(keys: dict[str, list[int]]) -> dict[str, str]:
    """Every item reaches for its neighbours until nothing moves."""
    reached = {item: {item} for item in keys}
    while True:
        wider = {
            item: {other for other in keys for one in reached[item] if other == one or set(keys[one]) & set(keys[other])}
            for item in keys
        }
        if wider == reached:
            return {item: min(found) for item, found in reached.items()}
        reached = wider


@given(key_tables())
def test_groups_equal_the_transitive_closure(keys: dict[str, list[int]]) -> None:
    assert group_of(keys) == closure(keys)


@given(key_tables(), st.randoms(use_true_random=False))
def test_groups_do_not_depend_on_the_order_of_items_or_keys(keys: dict[str, list[int]], random) -> None:
    items = list(keys.items())
    random.shuffle(items)

    assert group_of({item: list(reversed(held)) for item, held in items}) == group_of(keys)


def brute_closest(text: str, texts: list[str], threshold: float) -> tuple[int, float] | None:
    mine = grams(text)
    found = [(len(mine & other) / len(mine | other), -i) for i, other in enumerate(map(grams, texts))]
    best = max((pair for pair in found if pair[0] >= threshold), default=None)
    return best and (-best[1], best[0])


@given(short_texts(), st.lists(short_texts(), max_size=8), st.sampled_from((0.01, 0.2, 0.5, 0.8, 1.0)))
def test_the_closest_text_is_the_one_brute_force_finds(text: str, texts: list[str], threshold: float) -> None:
    assert NearDuplicates(texts).closest(text, threshold) == brute_closest(text, texts, threshold)


@given(short_texts(), short_texts())
def test_similarity_is_symmetric_and_one_for_equal_texts(first: str, second: str) -> None:
    assert jaccard(grams(first), grams(second)) == jaccard(grams(second), grams(first))
    assert jaccard(grams(first), grams(first)) == 1.0
    assert all(len(gram) == GRAM for gram in grams(first + "가나다라마"))


@given(short_texts(), short_texts(), st.sampled_from((0.1, 0.25, 1 / 3, 0.5, 0.8, 1.0)))
def test_the_quick_comparison_says_what_the_full_one_says(first: str, second: str, threshold: float) -> None:
    one, other = grams(first), grams(second)

    assert jaccard_below(one, other, threshold) == (jaccard(one, other) < threshold)


def test_spaces_and_quotation_marks_do_not_hide_a_copy() -> None:
    assert NearDuplicates(["‘우물’을 함께 쓰는 사람"]).closest("우물을 함께쓰는 사람", 1.0) == (0, 1.0)
