from collections import Counter
from dataclasses import replace

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from mining.cases import LOOSE, PARAMS, Case, cases, corpus, mined, searched

from haechi.mining.filters import FATES
from haechi.mining.mine import Searched, mine
from haechi.mining.relevance import Corpus, Query
from haechi.mining.sampling import draw, evenly, hashes, priority


@given(st.integers(0, 30), st.integers(1, 12))
def test_evenly_takes_the_hardest_and_the_easiest_and_no_place_twice(number: int, wanted: int) -> None:
    places = evenly(number, wanted).tolist()

    assert len(places) == len(set(places)) == min(number, wanted)
    assert places == sorted(places)
    assert all(0 <= place < number for place in places)
    if 1 < wanted <= number:
        assert (places[0], places[-1]) == (0, number - 1)
        gaps = np.diff(places)
        assert gaps.max() - gaps.min() <= 1


@given(st.lists(st.text(max_size=4), min_size=2, max_size=8, unique=True), st.integers(0, 9))
def test_a_draw_depends_on_seed_and_names_alone(names: list[str], seed: int) -> None:
    query = hashes(["q"])
    together = draw(seed, query, hashes(names))

    assert together.tolist() == [draw(seed, query, hashes([name]))[0] for name in names]
    assert draw(seed + 1, query, hashes(names)).tolist() != together.tolist()
    assert ((together > 0) & (together < 1)).all()


def test_draws_are_even() -> None:
    draws = draw(7, hashes([f"q{i}" for i in range(200)])[:, None], hashes([f"p{i}" for i in range(200)])[None])

    assert np.allclose(np.histogram(draws, 10, (0, 1))[0] / draws.size, 0.1, atol=0.01)
    assert abs(np.corrcoef(draws[:-1].ravel(), draws[1:].ravel())[0, 1]) < 0.02


def test_a_sample_favours_hard_candidates_as_its_temperature_says() -> None:
    """Two candidates .1 apart at temperature .1: the harder one comes first e times as often as the other."""
    draws = draw(7, hashes([f"q{i}" for i in range(20_000)])[:, None], hashes(["hard", "easy"])[None])
    scores = np.broadcast_to(np.array([0.6, 0.5], dtype=np.float32), draws.shape)
    params = replace(PARAMS, sampling_strategy="sampled", sampling_temperature=0.1)
    order = priority(scores, draws, params)

    assert abs((order[:, 0] > order[:, 1]).mean() - np.e / (1 + np.e)) < 0.02


@given(cases(), st.sampled_from(("top", "sampled", "spread")), st.integers(1, 3))
def test_no_passage_serves_more_examples_than_allowed_and_who_stands_back_is_counted(case: Case, choice: str, most: int) -> None:
    found = mined(case, sampling_strategy=choice, max_uses=most, **LOOSE)
    uses = Counter(id for example in found.examples for id in example.neg_ids)

    assert max(uses.values(), default=0) <= most
    passages = sorted(p.id for p in case.passages)
    for row, fate in zip(found.candidates.passage, found.fates, strict=True):
        if FATES[fate] == "overused":
            assert uses[passages[row]] == most


@given(cases(), st.sampled_from(("top", "sampled", "spread")))
def test_as_many_are_chosen_as_wanted_or_as_there_are(case: Case, choice: str) -> None:
    found = mined(case, sampling_strategy=choice, **LOOSE)
    fit = Counter()
    for row, fate in zip(found.candidates.query, found.fates, strict=True):
        fit[found.queries[row].id] += FATES[fate] in ("chosen", "spare")

    for example in found.examples:
        assert len(example.neg_ids) == len(set(example.neg_ids)) == min(PARAMS.num_negatives, fit[example.query_id])


@given(cases(), st.sampled_from(("sampled", "top")), st.data())
def test_what_a_query_gets_does_not_depend_on_the_others(case: Case, choice: str, data: st.DataObject) -> None:
    """Where no cap binds."""
    some = data.draw(st.lists(st.sampled_from(case.queries), min_size=1, unique_by=lambda q: q.id))
    whole = {e.query_id: e for e in mined(case, sampling_strategy=choice).examples}

    everything = searched(case)
    rows = [next(i for i, q in enumerate(case.queries) if q.id == query.id) for query in some]
    alone = Searched(everything.query_vectors[rows], everything.passage_vectors, everything.bm25, everything.dense)
    known = Corpus(case.passages, case.reserved)
    params = replace(PARAMS, sampling_strategy=choice)
    near = known.near_duplicates(np.arange(len(known)), params.near_duplicate)
    for example in mine(some, alone, known, near, params).examples:
        assert example == whole[example.query_id]


def test_the_cap_does_not_favour_ids_that_sort_first() -> None:
    """Forty equal queries want the same passage, and ten may have it: not simply the first ten."""
    passages = corpus(8)
    queries = [Query(f"q{i:02d}", "같은 물음", ("P00",), ("P07",), frozenset(), "precedent") for i in range(40)]
    case = Case(passages, queries, frozenset(), 3)
    served = [e.query_id for e in mined(case, max_uses=10, bm25_top=0, **LOOSE).examples if "P07" in e.neg_ids]

    assert len(served) == 10
    assert served != [f"q{i:02d}" for i in range(10)]
    assert sum(id >= "q20" for id in served) in range(2, 9)


@given(cases())
def test_random_fill_is_counted_marked_and_passes_every_filter(case: Case) -> None:
    found = mined(case, too_few="random", num_negatives=12)
    without = {e.query_id: e for e in mined(case, num_negatives=12).examples}
    by_id = {p.id: p for p in case.passages}
    added = 0
    for query in found.queries:
        example = next(e for e in found.examples if e.query_id == query.id)
        first = len(without[query.id].neg_ids)
        assert example.neg_ids[:first] == without[query.id].neg_ids
        assert set(example.neg_reasons[first:]) <= {"random"}
        assert "random" not in example.neg_reasons[:first]
        added += len(example.neg_ids) - first
        for id, score in zip(example.neg_ids[first:], example.neg_scores[first:], strict=True):
            assert by_id[id].article_key not in case.reserved | query.related_keys
            assert id not in query.positives
            if min(example.pos_scores) > 1e-5:
                assert score < 0.95 * min(example.pos_scores) + 2e-6
    assert found.counts["negatives"].get("random", 0) == added  # type: ignore[attr-defined]


def test_an_example_without_negatives_is_kept_or_dropped_as_asked_and_counted() -> None:
    case = Case(corpus(8), [Query(f"q{i}", "물음", ("P00",), (), frozenset(), "title") for i in range(3)], frozenset(), 1)
    nothing = {"margin": 1e-9, "absolute_margin": 9.0}
    kept, dropped = mined(case, **nothing), mined(case, empty="drop", **nothing)

    assert [e.neg for e in kept.examples] == [(), (), ()]
    assert dropped.examples == ()
    assert kept.counts["examples_without_negatives"] == dropped.counts["examples_without_negatives"] == 3
    assert (kept.counts["examples"], dropped.counts["examples"]) == (3, 0)
