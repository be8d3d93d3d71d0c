"""The declared mix of the slices of validation, and each slice beside it."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from small_law import PASSAGES, key, pair

from haechi.evaluation.summary import validated
from haechi.records.validated import ValidatedQuery
from haechi.retrieval.run import Run
from haechi.scoring.evaluation import Evaluation
from haechi.scoring.validation import SLICES, Validation, by_slice, mixed
from haechi.scoring.verdict import validation_table
from haechi.selection.ranking import metrics_of

slices = st.lists(st.sampled_from(SLICES), min_size=1, max_size=40).map(lambda names: {f"q{i}": n for i, n in enumerate(names)})


@given(slices, st.floats(0.0, 1.0), st.randoms(use_true_random=False))
def test_the_weighted_mean_is_the_declared_mix(of: dict, weight: float, random) -> None:
    values = {query_id: random.random() for query_id in of}
    means = {name: np.mean([values[q] for q in of if of[q] == name]) for name in set(of.values())}
    unseen = [mean for name, mean in means.items() if name != "seen"]
    expected = (
        (1 - weight) * means.get("seen", 0.0) + weight * np.mean(unseen)
        if unseen and "seen" in means
        else (np.mean(unseen) if unseen else means["seen"])
    )
    weights = mixed(of, weight)

    assert np.mean([weights[q] * values[q] for q in of]) == pytest.approx(expected)
    assert np.mean(list(weights.values())) == pytest.approx(1.0)


@given(st.sampled_from(SLICES), st.integers(1, 9), st.floats(0.0, 1.0))
def test_one_slice_alone_counts_every_query_as_one(name: str, number: int, weight: float) -> None:
    of = {f"q{i}": name for i in range(number)}

    assert set(mixed(of, weight).values()) == {1.0}, "so corpora without strangers keep their figures to the last bit"
    assert by_slice(of, dict.fromkeys(of, 0.5)) == {}


class Fixed(Validation):
    """A validation of which the ranking is known: every query finds its answer, strangers in place 2."""

    def _vectors(self, model):
        return np.zeros((1, 1), dtype=np.float32), np.zeros((1, 1), dtype=np.float32)

    def _search(self, queries, passages) -> Run:
        first = {q: (gold[0], "LAW_else") if self.slices[q] == "seen" else ("LAW_else", gold[0]) for q, gold in self.gold.items()}
        return Run({q: [(id, -float(place)) for place, id in enumerate(ids)] for q, ids in first.items()})


def fixed(weight: float, *names: str) -> Validation:
    pairs = [pair(f"q{i}", article_keys=(key(i + 1),), slice=name) for i, name in enumerate(names)]
    return Fixed(pairs, PASSAGES, unseen_weight=weight)


def test_a_look_of_training_tells_the_mix_and_each_slice() -> None:
    validation = fixed(0.3, "seen", "seen", "unseen_article", "unseen_law")
    found = validation(None)  # type: ignore[arg-type]
    second = 1 / np.log2(3)

    assert list(found) == list(validation.metrics)
    assert found["seen_ndcg@10"] == 1.0
    assert found["unseen_article_ndcg@10"] == found["unseen_law_ndcg@10"] == pytest.approx(second)
    assert found["ndcg@10"] == pytest.approx(0.7 + 0.3 * second)
    assert found["recall@1"] == pytest.approx(0.7)


def test_without_strangers_a_look_holds_what_it_always_held() -> None:
    assert not [name for name in fixed(0.3, "seen", "seen").metrics if "seen" in name]


def test_rank_counts_queries_as_selection_did() -> None:
    rows = [ValidatedQuery("a", "a", 1, (1,)), ValidatedQuery("b", "b", 1, (2,), "unseen_law"), ValidatedQuery("c", "c", 1, (1,))]

    assert metrics_of(rows, (10,), 0.25)["mrr@10"].mean() == pytest.approx(0.75 * 1.0 + 0.25 * 0.5)


def test_the_closing_table_shows_every_system_on_every_slice_and_nothing_where_there_is_one() -> None:
    pairs = [pair("a"), pair("b", slice="unseen_law")]
    run = Run({"a": [(key(1), 1.0)], "b": [("LAW_else", 1.0), (key(1), 0.5)]})
    gold = {"a": (key(1),), "b": (key(1),)}
    found = validated(pairs, gold, {"bm25": run, "tuned": run})
    columns, rows = validation_table(Evaluation(validation=found))

    assert columns == ("validation", "seen (1)", "unseen law (1)")
    assert rows == [("BM25 (Kiwi)", "1.000", "0.631"), ("tuned", "1.000", "0.631")]
    assert validated(pairs[:1], {"a": gold["a"]}, {"bm25": run}) == {}
    assert validation_table(Evaluation())[1] == []
