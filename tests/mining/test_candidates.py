import pytest
from hypothesis import given
from hypothesis import strategies as st

from haechi.mining import candidates as sieves
from haechi.mining.candidates import Candidate, Wanted, sieve

TEXTS = {
    "gold": "우물을 고친 사람은 그 비용을 이웃에게 청구할 수 있다.",
    "twin": "우물을 고친 사람은 그 비용을 이웃에게 청구할 수 있다.",
    "copy": "우물을 고친 사람은 그 비용을 이웃에게 청구할 수 있다고 본다.",
    "sibling": "나무를 옮긴 사람의 책임",
    "cocited": "담장의 높이를 정하는 방법",
    "reserved": "시장을 여는 날",
    "high": "다리를 고치는 날과 방법",
    "good": "창고를 짓는 땅의 넓이",
}
WANTED = Wanted(frozenset({"gold"}), frozenset({"A"}), frozenset({"B"}), 0.8)
FILTERS = [
    ("positive_or_twin", sieves.not_positive({id: frozenset({"gold"} if id == "twin" else ()) for id in TEXTS})),
    ("same_article", sieves.other_article),
    ("cocited", sieves.not_cocited),
    ("reserved", sieves.not_reserved(frozenset({"R"}))),
    ("above_margin", sieves.below_margin(0.95)),
    ("near_duplicate", sieves.not_near_duplicate(TEXTS, 0.7)),
]
PLANTED = {
    "gold": ("X", 0.1, "positive_or_twin"),
    "twin": ("X", 0.1, "positive_or_twin"),
    "copy": ("X", 0.1, "near_duplicate"),
    "sibling": ("A", 0.1, "same_article"),
    "cocited": ("B", 0.1, "cocited"),
    "reserved": ("R", 0.1, "reserved"),
    "high": ("X", 0.9, "above_margin"),
    "good": ("X", 0.5, ""),
}


def candidate(id: str) -> Candidate:
    article_key, score, _ = PLANTED[id]
    return Candidate(id, article_key, "bm25", score)


@pytest.mark.parametrize("id", PLANTED)
def test_each_planted_candidate_is_taken_by_its_own_filter(id: str) -> None:
    kept, reasons = sieve([candidate(id)], WANTED, FILTERS)

    assert reasons == ([PLANTED[id][2]] if PLANTED[id][2] else [])
    assert [c.passage_id for c in kept] == ([] if PLANTED[id][2] else [id])
    assert [name for name, keep in FILTERS if not keep(candidate(id), WANTED)][:1] == reasons


@given(st.lists(st.sampled_from(sorted(PLANTED)), unique=True))
def test_every_candidate_is_kept_or_counted_once(ids: list[str]) -> None:
    kept, reasons = sieve([candidate(id) for id in ids], WANTED, FILTERS)

    assert len(kept) + len(reasons) == len(ids)
    assert [c.passage_id for c in kept] == [id for id in ids if id == "good"]


@pytest.mark.parametrize(
    ("lowest", "score", "stays"), [(0.8, 0.759, True), (0.8, 0.761, False), (0.0, 0.9, True), (-0.2, -0.1, True)]
)
def test_the_margin_is_a_share_of_the_worst_positive_and_says_nothing_below_zero(
    lowest: float, score: float, stays: bool
) -> None:
    wanted = Wanted(frozenset({"gold"}), frozenset(), frozenset(), lowest)

    assert sieves.below_margin(0.95)(Candidate("x", "X", "bm25", score), wanted) is stays


def test_a_passage_found_several_ways_is_one_candidate_that_remembers_them() -> None:
    found = [Candidate("a", "A", "bm25", 0.5), Candidate("b", "B", "bm25", 0.4), Candidate("a", "A", "dense", 0.5)]

    assert [(c.passage_id, c.found_by) for c in sieves.merge(found)] == [("a", "bm25+dense"), ("b", "bm25")]
