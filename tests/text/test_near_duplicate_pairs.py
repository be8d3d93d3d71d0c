import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from strategies import short_texts, words

from haechi.text.near_duplicate_pairs import gram_codes, near_duplicates, ranges
from haechi.text.near_duplicates import grams, jaccard

THRESHOLDS = st.sampled_from((0.2, 0.5, 0.8, 1.0))


def exact(texts: list[str], wanted: list[int], threshold: float) -> list[tuple[int, int]]:
    found = [grams(text) for text in texts]
    return [(a, b) for a in sorted(set(wanted)) for b in range(len(texts)) if a != b and jaccard(found[a], found[b]) >= threshold]


@given(st.lists(short_texts() | words(3, 12).map(" ".join), min_size=1, max_size=12), THRESHOLDS, st.data())
def test_the_pairs_are_those_of_comparing_every_text_with_every_other(
    texts: list[str], threshold: float, data: st.DataObject
) -> None:
    wanted = data.draw(st.lists(st.integers(0, len(texts) - 1), max_size=6))

    first, second = near_duplicates(texts, np.array(wanted, dtype=np.int64), threshold)
    assert list(zip(first.tolist(), second.tolist(), strict=True)) == exact(texts, wanted, threshold)


def test_long_texts_with_one_word_changed_are_found_among_many_others() -> None:
    rng = np.random.default_rng(1)
    texts = ["".join(rng.choice(list("가나다라마바사아자차카타파하"), 200)) for _ in range(40)]
    texts += [text[:100] + "거너" + text[102:] for text in texts[:5]] + [texts[7] + "끝", texts[7][:120]]

    first, second = near_duplicates(texts, np.arange(len(texts)), 0.8)
    assert list(zip(first.tolist(), second.tolist(), strict=True)) == exact(texts, list(range(len(texts))), 0.8)
    assert len(first) == 12  # five changed and one lengthened, both ways; the half one is too short


@pytest.mark.parametrize("threshold", [1.01, 2.0])
def test_above_one_nothing_is_near(threshold: float) -> None:
    first, second = near_duplicates(["같은 글", "같은 글"], np.array([0, 1]), threshold)

    assert len(first) == len(second) == 0


@given(short_texts(), short_texts())
def test_codes_stand_for_grams(one: str, other: str) -> None:
    codes, others = set(gram_codes(one).tolist()), set(gram_codes(other).tolist())

    assert len(codes) == len(grams(one))
    assert len(codes & others) == len(grams(one) & grams(other))


@given(st.lists(st.tuples(st.integers(0, 50), st.integers(0, 5)), max_size=10))
def test_ranges_count_up_from_each_start(parts: list[tuple[int, int]]) -> None:
    starts, lengths = (np.array([part[i] for part in parts], dtype=np.int64) for i in (0, 1))

    assert ranges(starts, lengths).tolist() == [start + i for start, length in parts for i in range(length)]
