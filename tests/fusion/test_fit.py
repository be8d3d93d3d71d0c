"""Weights are found on labelled queries: whoever is right is believed, and few labels are no ground for many weights."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from small_params import small

from haechi.fusion.fit import BY_TITLE, NEW_ARTICLE, NEW_LAW, OLD, PRETRAINED, Labelled, fit, forms, kind_of
from haechi.fusion.mixture import Mixture, read_mixture, write_mixture
from haechi.fusion.params import FusionParams
from haechi.fusion.signals import Candidates, Known, candidates
from haechi.retrieval.run import Scored
from haechi.runtime.errors import HaechiError

PARAMS = small(FusionParams, fewest=20)
SYSTEMS = ("bm25", "tuned", "base")
ARTICLES = [f"a{i:02d}" for i in range(40)]
KNOWN = Known(dict.fromkeys(ARTICLES[:20], 1))


def made(number: int, right: dict[str, str], seed: int = 3) -> tuple[list[Labelled], list[Candidates]]:
    """Queries of two kinds; `right` names of each kind the search that puts the answer first, the others guess."""
    rng = np.random.default_rng(seed)
    queries, founds = [], []
    for n in range(number):
        kind = (OLD, NEW_ARTICLE)[n % 2]
        gold = ARTICLES[rng.integers(20) + 20 * (n % 2)]
        lists = {}
        for system in SYSTEMS:
            rest = [ARTICLES[i] for i in rng.permutation(40)[:20]]
            order = [gold, *(id for id in rest if id != gold)] if right[kind] == system else rest
            lists[system] = [Scored(id, float(-rank)) for rank, id in enumerate(order)]
        queries.append(Labelled(f"q{n}", f"글 {n}", "", (gold,), f"g{n // 2}", kind))
        founds.append(candidates(f"글 {n}", lists, KNOWN))
    return queries, founds


def hits(mixture: Mixture, queries: list[Labelled], founds: list[Candidates]) -> float:
    """The share of queries whose answer is first."""
    firsts = [found.ids[int(np.argmax(mixture.scores(found)))] for found in founds]
    return float(np.mean([first in query.gold for first, query in zip(firsts, queries, strict=True)]))


@pytest.mark.parametrize("right", SYSTEMS)
def test_a_search_that_is_always_right_is_believed(right: str) -> None:
    mixture = fit(*made(60, {OLD: right, NEW_ARTICLE: right}), SYSTEMS, PARAMS).mixture
    assert mixture.form == "scores"
    assert mixture.labels == {OLD: 30, NEW_ARTICLE: 30}
    assert hits(mixture, *made(60, {OLD: right, NEW_ARTICLE: right}, seed=4)) == 1.0


def test_where_all_questions_are_made_an_encoder_from_elsewhere_counts_more_than_they_say() -> None:
    queries, founds = made(60, {OLD: "bm25", NEW_ARTICLE: "bm25"})
    guess = [
        replace(one, signals={**one.signals, "other": one.signals["base"], "other.first": one.signals["base.first"]})
        for one in founds
    ]
    asked = fit(queries, guess, (*SYSTEMS, "other"), PARAMS).mixture
    nobody = fit([query._replace(made=True) for query in queries], guess, (*SYSTEMS, "other"), PARAMS).mixture
    some = fit([query._replace(made=n > 0) for n, query in enumerate(queries)], guess, (*SYSTEMS, "other"), PARAMS).mixture

    changed = {term: nobody.weights[term] - asked.weights[term] for term in asked.weights}
    assert changed.pop("other") == pytest.approx(PRETRAINED)
    assert set(changed.values()) == {0.0}
    assert "other counts 0.7 more" in nobody.why
    assert some.weights == asked.weights


@pytest.mark.slow
def test_who_is_right_of_seen_articles_alone_is_believed_of_those_alone() -> None:
    right = {OLD: "tuned", NEW_ARTICLE: "bm25"}
    mixture = fit(*made(120, right), SYSTEMS, PARAMS).mixture
    assert mixture.form == "classes"
    assert hits(mixture, *made(120, right, seed=4)) > hits(
        Mixture("constant", {"bm25": 0.5, "tuned": 0.5}), *made(120, right, seed=4)
    )


def test_what_it_is_worth_is_told_by_weights_that_never_saw_the_query() -> None:
    """Where every search guesses, weights fit what they were fitted on, and their lists don't."""
    queries, founds = made(60, {OLD: "nobody", NEW_ARTICLE: "nobody"})
    fitted = fit(queries, founds, SYSTEMS, PARAMS)
    told = np.mean([fitted.lists[query.id][0].id in query.gold for query in queries])

    assert {query.id for query in queries} == set(fitted.lists)
    assert told < hits(fitted.mixture, queries, founds)


@pytest.mark.slow
def test_the_same_labels_in_another_order_give_the_same_weights() -> None:
    queries, founds = made(40, {OLD: "tuned", NEW_ARTICLE: "bm25"})
    there = fit(queries, founds, SYSTEMS, PARAMS).mixture
    back = fit(queries[::-1], founds[::-1], SYSTEMS, PARAMS).mixture
    assert there.form == back.form
    assert there.weights == pytest.approx(back.weights, abs=0.02)
    assert fit(queries, founds, SYSTEMS, PARAMS).mixture == there


@pytest.mark.parametrize(("right", "weights"), [("tuned", {"bm25": 0.0, "tuned": 1.0}), ("bm25", {"bm25": 1.0, "tuned": 0.0})])
def test_few_labels_choose_one_weight_and_it_is_said(right: str, weights: dict[str, float]) -> None:
    mixture = fit(*made(18, {OLD: right, NEW_ARTICLE: right}), SYSTEMS, PARAMS).mixture
    assert mixture.form == "constant"
    assert mixture.why == "18 labelled validation queries are fewer than fusion.fewest (20), so one weight was chosen"
    if right == "tuned":
        assert mixture.weights == weights
    assert hits(mixture, *made(60, {OLD: right, NEW_ARTICLE: right}, seed=4)) > 0.9


def test_without_any_label_the_tuned_model_is_alone() -> None:
    assert fit([], [], SYSTEMS, PARAMS).mixture.weights == {"bm25": 0.0, "tuned": 1.0}


def test_what_was_seen_counts_only_where_validation_has_both() -> None:
    assert list(forms(SYSTEMS, [OLD, BY_TITLE])) == ["scores"]
    assert list(forms(SYSTEMS, [NEW_LAW])) == ["scores"]
    assert list(forms(SYSTEMS, [OLD, NEW_LAW])) == ["scores", "classes"]
    assert not any("seen" in term for term in forms(SYSTEMS, [OLD])["scores"])


def test_kinds_of_queries() -> None:
    known = Known({"a": 1}, {}, {"a": "마을법", "b": "마을법", "c": "물길법"})
    assert kind_of(["a", "c"], known) == OLD
    assert kind_of(["b"], known) == NEW_ARTICLE
    assert kind_of(["c"], known) == kind_of(["d"], known) == NEW_LAW


def test_a_mixture_is_read_as_it_was_written(tmp_path: Path) -> None:
    queries, founds = made(40, {OLD: "tuned", NEW_ARTICLE: "bm25"})
    mixture = fit(queries, founds, SYSTEMS, PARAMS).mixture
    write_mixture(tmp_path / "fusion.json", mixture)
    again = read_mixture(tmp_path / "fusion.json")
    assert again == mixture
    assert all((again.scores(found) == mixture.scores(found)).all() for found in founds)
    (tmp_path / "fusion.json").write_text('{"form": "magic", "weights": {}}')
    with pytest.raises(HaechiError, match=r"fusion\.json: not a mixture of searches"):
        read_mixture(tmp_path / "fusion.json")
