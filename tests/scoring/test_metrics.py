import math

import ir_measures
import pytest
from hypothesis import given
from hypothesis import strategies as st
from ir_measures import AP, RR, R, Success, nDCG
from strategies import golds, lists_by_query

from haechi.retrieval.run import Run
from haechi.runtime.errors import HaechiError
from haechi.scoring.metrics import GoldRanks, evaluate_run, gold_ranks, hit_normalised_map, mean, score

K = (1, 3, 5, 10)


def plain(found: list[tuple[str, float]], gold: tuple[str, ...]) -> dict[str, float]:
    """The metrics, straight from their formulas."""
    order = [id for id, _ in sorted(found, key=lambda pair: (-pair[1], pair[0]))]
    hit = [id in gold for id in order]
    values = {"mrr@10": next((1 / (i + 1) for i, h in enumerate(hit[:10]) if h), 0.0)}
    for k in K:
        ideal = sum(1 / math.log2(i + 2) for i in range(min(k, len(gold))))
        values[f"ndcg@{k}"] = sum(h / math.log2(i + 2) for i, h in enumerate(hit[:k])) / ideal
        values[f"recall@{k}"] = sum(hit[:k]) / len(gold)
        values[f"success@{k}"] = float(any(hit[:k]))
    precisions = [sum(hit[: i + 1]) / (i + 1) if h else 0.0 for i, h in enumerate(hit)]
    values["map"] = sum(precisions) / len(gold)
    values["map@r"] = sum(precisions[: len(gold)]) / len(gold)
    values["hitmap@3"] = sum(precisions[:3]) / max(1, sum(hit[:3]))
    return values


def by_ir_measures(lists: dict[str, list[tuple[str, float]]], gold: dict[str, tuple[str, ...]]) -> dict[str, dict[str, float]]:
    """The library on the plain rankings, each query and id as it is."""
    names = {f"ndcg@{k}": nDCG @ k for k in K} | {f"recall@{k}": R @ k for k in K} | {f"success@{k}": Success @ k for k in K}
    names |= {"mrr@10": RR @ 10, "map": AP}
    qrels = [ir_measures.Qrel(q, key, 1) for q, keys in gold.items() for key in keys]
    run = [
        ir_measures.ScoredDoc(q, id, -float(rank))
        for q in gold
        for rank, (id, _) in enumerate(sorted(lists.get(q, []), key=lambda pair: (-pair[1], pair[0])))
    ]
    found = {q: dict.fromkeys(names, 0.0) for q in gold}
    for metric in ir_measures.iter_calc(list(names.values()), qrels, run) if run else ():
        found[metric.query_id][next(n for n, m in names.items() if m == metric.measure)] = metric.value
    return found


@given(lists_by_query(), golds())
def test_every_metric_equals_its_formula(lists, gold) -> None:
    scores = evaluate_run(Run(lists), gold, K)

    assert scores.keys() == gold.keys()
    for query_id, keys in gold.items():
        assert scores[query_id] == pytest.approx(plain(lists.get(query_id, []), keys), abs=1e-9)


@given(lists_by_query(), golds())
def test_metrics_from_ranks_are_those_of_ir_measures_on_the_rankings_themselves(lists, gold) -> None:
    ours = evaluate_run(Run(lists), gold, K)

    for query_id, values in by_ir_measures(lists, gold).items():
        assert {name: ours[query_id][name] for name in values} == pytest.approx(values, abs=1e-9)


def test_a_long_list_counts_hits_below_the_cut_off_only_where_a_metric_looks_that_far() -> None:
    found = score({"q": GoldRanks((11, 60), 3)}, (10, 100))["q"]

    assert found["mrr@10"] == found["ndcg@10"] == found["recall@10"] == found["map@r"] == 0.0
    assert found["recall@100"] == pytest.approx(2 / 3)
    assert found["map"] == pytest.approx((1 / 11 + 2 / 60) / 3)


@given(lists_by_query(), golds())
def test_what_the_per_query_file_keeps_is_enough_to_score_again(lists, gold) -> None:
    run = Run(lists)

    assert score({q: gold_ranks(run[q], keys) for q, keys in gold.items()}, K) == evaluate_run(run, gold, K)


@pytest.mark.parametrize(
    ("ranks", "n_gold", "answered", "value"),
    [
        ((1, 3), 9, True, (1 + 2 / 3) / 2),  # the seven missing ones cost nothing
        ((2,), 1, True, 0.5),
        ((4,), 1, True, 0.0),
        ((1, 4), 2, True, 1.0),
        ((), 0, False, 1.0),  # nothing to find, nothing answered
        ((), 0, True, 0.0),
    ],
)
def test_the_earlier_competitions_measure_by_hand(ranks: tuple[int, ...], n_gold: int, answered: bool, value: float) -> None:
    assert hit_normalised_map(GoldRanks(ranks, n_gold), answered=answered) == pytest.approx(value)


def test_a_query_without_gold_is_refused_by_name() -> None:
    with pytest.raises(HaechiError, match="query q9 has no gold"):
        evaluate_run(Run({}), {"q1": ("a",), "q9": ()}, K)


@given(lists_by_query(), golds(), st.integers(1, 5))
def test_scaling_all_scores_changes_no_metric(lists, gold, power: int) -> None:
    scaled = {q: [(id, score * 2**power) for id, score in found] for q, found in lists.items()}

    assert evaluate_run(Run(scaled), gold, K) == evaluate_run(Run(lists), gold, K)


@given(golds())
def test_a_judged_query_without_results_scores_zero_and_a_perfect_list_one(gold) -> None:
    nothing = mean(evaluate_run(Run({}), gold, K))
    perfect = mean(evaluate_run(Run({q: [(k, -float(i)) for i, k in enumerate(keys)] for q, keys in gold.items()}), gold, K))

    assert set(nothing.values()) == {0.0}
    assert perfect["ndcg@10"] == pytest.approx(1.0)
    assert perfect["mrr@10"] == 1.0


@given(lists_by_query(), golds())
def test_the_mean_counts_every_judged_query(lists, gold) -> None:
    scores = evaluate_run(Run(lists), gold, K)

    assert mean(scores)["ndcg@10"] == pytest.approx(math.fsum(row["ndcg@10"] for row in scores.values()) / len(gold))


def test_a_worked_example() -> None:
    """Ranked a b c d, gold b and d: hits at ranks 2 and 4.

    DCG@10 = 1/log2(3) + 1/log2(5) = 0.630930 + 0.430677 = 1.061606
    ideal  = 1/log2(2) + 1/log2(3) = 1.630930, so nDCG@10 = 0.650921
    nDCG@3 = 0.630930 / 1.630930 = 0.386853; recall@3 = 1/2; success@1 = 0, success@3 = 1; MRR = 1/2.
    """
    run = Run({"q": [("a", 4.0), ("b", 3.0), ("c", 2.0), ("d", 1.0)]})
    found = evaluate_run(run, {"q": ("b", "d")}, K)["q"]

    assert found["ndcg@10"] == pytest.approx(0.650921, abs=1e-6)
    assert found["ndcg@3"] == pytest.approx(0.386853, abs=1e-6)
    assert (found["recall@3"], found["success@1"], found["success@3"], found["mrr@10"]) == (0.5, 0.0, 1.0, 0.5)


def test_no_query_to_judge_is_an_error() -> None:
    with pytest.raises(HaechiError, match="no query"):
        evaluate_run(Run({}), {}, K)
