"""Near-duplicates by rare grams, held against comparing everything with everything."""

from hypothesis import given
from hypothesis import strategies as st
from strategies import short_texts, words

from haechi.questions.repeats import Repeats
from haechi.text.near_duplicates import grams, jaccard

TEXTS = st.lists(
    short_texts() | words(1, 6).map(" ".join) | words(1, 3).map(lambda w: " ".join(w) + "에 대해 알고 싶어요."), max_size=14
)
THRESHOLDS = st.sampled_from((0.1, 0.3, 0.5, 0.6, 0.75, 0.8, 0.9, 1.0))


@given(TEXTS, THRESHOLDS)
def test_it_finds_what_comparing_all_pairs_finds(texts: list[str], threshold: float) -> None:
    seen = Repeats(texts, threshold)
    for text in texts:
        seen.add(text)

    for text in texts:
        wanted = [i for i, other in enumerate(texts) if jaccard(grams(text), grams(other)) >= threshold - 1e-12]
        assert seen.find(text) == wanted


@given(TEXTS, THRESHOLDS)
def test_only_what_was_added_is_found(texts: list[str], threshold: float) -> None:
    seen = Repeats(texts, threshold)
    for number, text in enumerate(texts):
        assert all(found < number for found in seen.find(text))
        assert seen.add(text) == number
