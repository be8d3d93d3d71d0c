"""What fusion looks at: the order of lists and candidates, the scale of scores, and what a query names."""

import time

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from small_law import PASSAGES

from haechi.corpus.duplicates import one_name
from haechi.fusion.mixture import EVEN, Mixture
from haechi.fusion.signals import Known, candidates, known_of
from haechi.retrieval.run import Run, Scored

IDS = [f"a{i}" for i in range(10)]
KNOWN = Known({"a1": 3, "a4": 1}, {"a1": "우물의이용", "a2": "다리"}, {"a1": "마을법", "a2": "마을법", "a3": "담장고시"})
MIX = Mixture("classes", {"bm25": 0.5, "tuned": 1.0, "tuned.first": 0.3, "tuned*seen": 0.4, "title*law": 2.0, "cited": 0.2})


def lists() -> st.SearchStrategy[list[Scored]]:
    """A ranked list, whose scores may tie."""
    pairs = st.lists(st.tuples(st.sampled_from(IDS), st.integers(-50, 50)), unique_by=lambda pair: pair[0], max_size=10)
    return pairs.map(lambda found: list(Run({"q": found})["q"]))


def scores(text: str, found: dict[str, list[Scored]], mixture: Mixture = MIX) -> dict[str, float]:
    made = candidates(text, found, KNOWN)
    return dict(zip(made.ids, mixture.scores(made).tolist(), strict=True))


@given(lists(), lists())
def test_the_order_in_which_searches_come_changes_nothing(lexical: list[Scored], dense: list[Scored]) -> None:
    assert scores("우물", {"bm25": lexical, "tuned": dense}) == scores("우물", {"tuned": dense, "bm25": lexical})


@given(lists(), lists(), st.permutations(IDS))
def test_names_signalss_decide_no_score(lexical: list[Scored], dense: list[Scored], names: list[str]) -> None:
    """Whoever is candidate first or last: the same articles under other ids get the same scores."""
    other = dict(zip(IDS, names, strict=True))
    known = Known(*({other.get(id, id): value for id, value in part.items()} for part in (KNOWN.cited, KNOWN.title, KNOWN.law)))
    moved = {system: [Scored(other[s.id], s.score) for s in ranked] for system, ranked in (("bm25", lexical), ("tuned", dense))}
    made = candidates("마을법 다리", moved, known)
    there = dict(zip(made.ids, MIX.scores(made).tolist(), strict=True))
    here = scores("마을법 다리", {"bm25": lexical, "tuned": dense})
    assert there == pytest.approx({other[id]: score for id, score in here.items()})


@given(lists(), lists(), st.integers(1, 9), st.integers(-30, 30))
def test_scale_and_shift_of_a_search_do_not_matter(one: list[Scored], other: list[Scored], scale: int, shift: int) -> None:
    moved = [Scored(s.id, s.score * scale + shift) for s in one]
    assert scores("우물", {"bm25": moved, "tuned": other}) == pytest.approx(scores("우물", {"bm25": one, "tuned": other}))


@given(lists(), st.floats(-3, 3))
def test_a_signal_that_is_the_same_everywhere_changes_no_order(ranked: list[Scored], weight: float) -> None:
    flat = [Scored(id, 1.0) for id in IDS]
    plain = scores("우물", {"bm25": flat, "tuned": ranked}, Mixture("scores", {"tuned": 1.0}))
    both = scores("우물", {"bm25": flat, "tuned": ranked}, Mixture("scores", {"tuned": 1.0, "bm25": weight}))
    orders = [sorted(found, key=lambda name, found=found: (-round(found[name], 9), name)) for found in (plain, both)]
    assert orders[0] == orders[1]


@given(lists(), lists())
def test_what_the_signals_gave_sums_up_to_the_score(lexical: list[Scored], dense: list[Scored]) -> None:
    made = candidates("마을법 우물의 이용", {"bm25": lexical, "tuned": dense}, KNOWN)
    parts = MIX.parts(made)
    assert set(parts) <= {"bm25", "tuned", "title", "cited"}
    np.testing.assert_allclose(sum(parts.values()), MIX.scores(made), atol=1e-12)


@given(lists(), lists())
def test_without_a_search_the_others_are_weighed_as_before(lexical: list[Scored], dense: list[Scored]) -> None:
    """As if the missing one had no weight."""
    alone = Mixture("classes", {term: weight for term, weight in MIX.weights.items() if "tuned" not in term})
    assert scores("다리", {"bm25": lexical}) == scores("다리", {"bm25": lexical}, alone)
    assert MIX.missing(("bm25",)) == []  # it isn't said to be made of any encoder
    assert Mixture("scores", MIX.weights, made_of={"tuned": "1"}).missing(("bm25",)) == ["tuned"]


def test_a_worked_example() -> None:
    """Scores 3, 2, 1 have deviation .816; an article that a list lacks stands with its last."""
    made = candidates(
        "마을법 우물의 이용은?", {"bm25": [Scored("a1", 3), Scored("a2", 2), Scored("a3", 1)], "tuned": [Scored("a3", 5)]}, KNOWN
    )
    assert made.ids == ("a1", "a2", "a3")
    np.testing.assert_allclose(made.signals["bm25"], [1.2247, 0, -1.2247], atol=1e-4)
    assert made.signals["bm25.first"].tolist() == [1.0, 0.5, 1 / 3]
    assert made.signals["tuned.first"].tolist() == [0, 0, 1]
    assert made.signals["seen"].tolist() == [1, 0, 0]
    assert made.signals["title"].tolist() == [1, 0, 0]
    assert made.signals["law"].tolist() == [1, 1, 0]


def test_articles_that_say_the_same_are_known_under_one_name() -> None:
    known = known_of(PASSAGES, one_name(PASSAGES), {})
    assert set(known.title) <= set(one_name(PASSAGES).values())
    assert set(known.law.values()) == {"마을법"}


def test_nothing_found_is_nothing_mixed() -> None:
    made = candidates("우물", {"bm25": [], "tuned": []}, KNOWN)
    assert EVEN.scores(made).tolist() == MIX.scores(made).tolist() == []


@pytest.mark.slow
def test_a_query_costs_at_most_three_milliseconds_of_a_processor() -> None:
    """Three searches of 100 articles each among 8,000, by processor time, which other programs hardly lengthen."""
    names = [f"LAW_{i:06d}" for i in range(8_000)]
    known = Known(
        dict.fromkeys(names[::3], 1),
        {id: f"제목{i}" for i, id in enumerate(names)},
        {id: f"법{i % 60}" for i, id in enumerate(names)},
    )
    rng = np.random.default_rng(1)
    found = {
        system: [Scored(names[i], float(-rank)) for rank, i in enumerate(rng.choice(8_000, 100, replace=False).tolist())]
        for system in ("bm25", "tuned", "base")
    }
    begun = time.process_time()
    for _ in range(100):
        made = candidates("보증인이 채무를 이행한 경우 구상권의 범위", found, known)
        MIX.scores(made), MIX.parts(made)
    assert (time.process_time() - begun) / 100 < 0.003
