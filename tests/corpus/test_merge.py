import pytest
from hypothesis import given
from hypothesis import strategies as st
from small_law import passage

from haechi.corpus.merge import counts, merge
from haechi.runtime.errors import DuplicateId


@st.composite
def corpora(draw: st.DrawFn):
    """Passages of which some have the same body under another header."""
    bodies = draw(st.lists(st.sampled_from(("나무를 아낀다.", "나무를  아낀다.", "우물을 메운다.", "다리")), max_size=8))
    return [passage(f"LAW_{i}", f"머리 {i}\n{body}") for i, body in enumerate(bodies)]


def test_an_id_that_occurs_twice_names_both_sources() -> None:
    with pytest.raises(DuplicateId) as caught:
        merge([passage("LAW_1", source="a.json"), passage("LAW_2"), passage("LAW_1", source="b.json")])

    assert caught.value.passage_id == "LAW_1"
    assert "a.json" in str(caught.value)
    assert "b.json" in str(caught.value)


@given(corpora())
def test_twins_are_symmetric_and_never_oneself(corpus) -> None:
    twins = {p.id: set(p.twins) for p in merge(corpus)}

    for id, others in twins.items():
        assert id not in others
        assert all(id in twins[other] for other in others)


@given(corpora())
def test_twins_have_the_same_words_below_the_header_and_no_others_do(corpus) -> None:
    bare = {p.id: "".join(p.text.split("\n")[1].split()) for p in corpus}

    for p in merge(corpus):
        assert set(p.twins) == {id for id in bare if id != p.id and bare[id] == bare[p.id]}


@given(corpora(), st.randoms(use_true_random=False))
def test_the_order_of_input_does_not_matter(corpus, random) -> None:
    shuffled = list(corpus)
    random.shuffle(shuffled)

    assert merge(shuffled) == merge(corpus)
    assert merge(merge(corpus)) == merge(corpus)


@given(corpora())
def test_nothing_is_lost_and_the_counts_say_so(corpus) -> None:
    merged = merge(corpus)

    assert [p.id for p in merged] == sorted(p.id for p in corpus)
    assert sum(counts(merged)["passages"].values()) == len(corpus)  # type: ignore[attr-defined]
