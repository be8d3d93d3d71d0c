from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from strategies import lists_by_query, ranked_lists

from haechi.retrieval.run import Run
from haechi.runtime.errors import HaechiError


def as_dict(run: Run) -> dict[str, tuple]:
    return {query_id: tuple(run[query_id]) for query_id in run}


@given(lists_by_query())
def test_lists_are_sorted_by_falling_score_then_id(lists) -> None:
    run = Run(lists)

    for query_id in run:
        assert all((-a.score, a.id) < (-b.score, b.id) for a, b in pairwise(run[query_id]))
        assert {s.id for s in run[query_id]} == {id for id, _ in lists[query_id]}
    assert run["no such query"] == ()


@given(lists_by_query(), st.randoms(use_true_random=False), st.integers(0, 12))
def test_the_order_of_input_does_not_matter(lists, random, depth: int) -> None:
    shuffled = {query_id: random.sample(found, len(found)) for query_id, found in lists.items()}

    assert as_dict(Run(shuffled, depth)) == as_dict(Run(lists, depth))


@given(ranked_lists(), st.integers(0, 12))
def test_depth_cuts_the_sorted_list(found, depth: int) -> None:
    assert Run({"q": found}, depth)["q"] == Run({"q": found})["q"][:depth]


def test_an_id_that_occurs_twice_is_refused() -> None:
    with pytest.raises(HaechiError, match="q1"):
        Run({"q1": [("a", 1.0), ("b", 0.5), ("a", 0.2)]})


@given(ranked_lists(), st.integers(0, 12))
def test_a_score_that_is_no_number_is_refused(found, place: int) -> None:
    with pytest.raises(HaechiError, match="not a number"):
        Run({"q": [*found[:place], ("new", float("nan")), *found[place:]]})


@given(lists_by_query(), st.integers(1, 6))
def test_folding_keeps_the_best_passage_of_each_article(lists, articles: int) -> None:
    key_of = {f"a{i}": f"article{i % articles}" for i in range(12)}
    folded = Run(lists).fold(key_of, {})

    for query_id, found in lists.items():
        best: dict[str, float] = {}
        for id, score in found:
            best[key_of[id]] = max(score, best.get(key_of[id], float("-inf")))
        assert {s.id: s.score for s in folded[query_id]} == best


@given(lists_by_query())
def test_folding_passages_that_are_their_own_articles_changes_nothing(lists) -> None:
    assert as_dict(Run(lists).fold({f"a{i}": f"a{i}" for i in range(12)}, {})) == as_dict(Run(lists))


@given(lists_by_query())
def test_a_trec_file_reads_back_in_the_same_order(tmp_path: Path, lists) -> None:
    run = Run(lists)
    run.write_trec(tmp_path / "run.trec", "tag")
    read: dict[str, list[tuple[str, float]]] = {}
    for line in (tmp_path / "run.trec").read_text().splitlines():
        query_id, q0, id, rank, score, tag = line.split(" ")
        assert (q0, tag) == ("Q0", "tag")
        read.setdefault(query_id, []).append((id, float(score)))
        assert int(rank) == len(read[query_id])

    assert {q: [id for id, _ in found] for q, found in read.items()} == {q: [s.id for s in run[q]] for q in run if run[q]}
    assert all(abs(score - dict(run[q])[id]) <= 5e-7 for q, found in read.items() for id, score in found)


def test_a_query_is_not_answered_by_the_source_that_it_was_taken_from() -> None:
    run = Run({"q1": [("p1", 3.0), ("p2", 2.0), ("p3", 1.0)], "q2": [("p1", 1.0)]})
    folded = run.fold({"p1": "PREC_1", "p2": "A", "p3": "PREC_1"}, {"q1": "PREC_1"})

    assert [s.id for s in folded["q1"]] == ["A"]
    assert [s.id for s in folded["q2"]] == ["PREC_1"]


def test_leaving_out_the_own_source_costs_no_place_of_the_depth() -> None:
    run = Run({"q": [("p1", 3.0), ("p2", 2.0), ("p3", 1.0)]})

    assert [s.id for s in run.fold({"p1": "own", "p2": "A", "p3": "B"}, {"q": "own"}, 2)["q"]] == ["A", "B"]
