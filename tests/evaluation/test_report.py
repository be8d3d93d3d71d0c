from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from small_law import pair
from small_params import small

from haechi.evaluation.params import EvaluateParams
from haechi.evaluation.summary import summarise
from haechi.evaluation.systems import popularity
from haechi.records.query import TestQuery
from haechi.records.result import QueryResult
from haechi.retrieval.run import Run
from haechi.scoring.evaluation import evaluation_of
from haechi.scoring.facets import Facetter
from haechi.scoring.names import BASE, BM25, HYBRID, LABELS, TUNED
from haechi.scoring.score_queries import judge, values
from haechi.scoring.verdict import COLUMNS, result_table, verdict

PARAMS = small(EvaluateParams, depth=100)
QUERIES = [
    TestQuery(
        f"q{i}",
        f"물음 {i}",
        (f"a{i % 5}",),
        "title" if i % 6 == 5 else "precedent",
        f"g{i // 2}",
        "",
        f"s{i}",
        i % 3 == 0,
        i == 4,
    )
    for i in range(24)
]


def run(good: float, seed: int) -> Run:
    """A system that puts the answer first in about this share of the queries."""
    rng = np.random.default_rng(seed)
    return Run({q.query_id: [(q.gold[0], 1.0 if rng.random() < good else -1.0), ("other", 0.0)] for q in QUERIES})


def results(**runs: Run) -> list[QueryResult]:
    return judge(QUERIES, "precedent", {q.query_id: q.gold for q in QUERIES}, runs, Facetter([], [], {}))


def metrics(base: float = 0.2, tuned: float = 0.9) -> dict[str, Any]:
    rows = results(**{BM25: run(0.4, 3), BASE: run(base, 1), TUNED: run(tuned, 2), HYBRID: run(0.9, 4)})
    probe = {
        "n": 3,
        "base": 0.5,
        "tuned": 0.4,
        "margin": 0.02,
        "verdict": "INCONCLUSIVE",
        "needed": 40,
        "difference": {"value": -0.1, "low": -0.2, "high": 0.0},
    }
    return {
        "testset": "abc",
        "encoder": "def",
        "confidence": 0.95,
        **summarise(rows, PARAMS),
        "probe": {"general": probe},
        "failures": {"n": 2, "sibling": 1},
        "gating": {"threshold": 0.3, "answered": 0.9, "refused": 0.8, "auroc": 0.95},
        "drift": {"cka": 0.9},
        "geometry": {"alignment": 0.4},
    }


@pytest.mark.parametrize(
    ("low", "high", "start"),
    [
        (0.01, 0.2, "The tuned model is better"),
        (-0.2, -0.01, "The tuned model is WORSE"),
        (-0.1, 0.2, "Can't tell"),
        (0.0, 0.2, "Can't tell"),
        (-0.2, 0.0, "Can't tell"),
    ],
)
def test_the_verdict_follows_the_interval(low: float, high: float, start: str) -> None:
    found = metrics()
    found["difference"]["tuned-base"]["ndcg@10"] = {
        "value": (low + high) / 2,
        "low": low,
        "high": high,
        "p": 0.02,
        "p_holm": 0.04,
        "wins": 12,
        "ties": 3,
        "losses": 9,
    }

    assert verdict(found).startswith(start)
    assert f"[{low:+.3f}, {high:+.3f}]" in verdict(found)


def test_the_verdict_on_simulated_systems_is_the_truth() -> None:
    assert "better" in verdict(metrics(0.1, 0.95))
    assert "WORSE" in verdict(metrics(0.95, 0.1))
    assert "Can't tell" in verdict(metrics(0.5, 0.5))


def test_an_interval_above_zero_is_no_verdict_without_the_test() -> None:
    found = metrics()
    found["difference"]["tuned-base"]["ndcg@10"] = {
        "value": 0.1, "low": 0.01, "high": 0.2, "p": 0.03, "p_holm": 0.09, "wins": 12, "ties": 3, "losses": 9
    }  # fmt: skip

    assert verdict(found).startswith("Can't tell")


def test_the_headline_leaves_out_other_suites_and_queries_that_name_their_answer() -> None:
    headline = [row for row in results(**{TUNED: run(0.5, 1)}) if row.headline]

    assert {row.suite for row in headline} == {"precedent"}
    assert all(row.facets["names_positive"] == ("no",) for row in headline)
    assert metrics()["n_queries"] == len(headline) == 19


def test_the_means_are_those_of_the_per_query_rows_and_slices_split_the_suite() -> None:
    rows = results(**{BASE: run(0.4, 1), TUNED: run(0.8, 2)})
    summary, scored = summarise(rows, PARAMS), values(rows, [TUNED], PARAMS.k_values)["ndcg@10"][:, 0]
    kept = [value for row, value in zip(rows, scored, strict=True) if row.suite == "precedent" and row.headline]

    assert summary["primary"][TUNED]["ndcg@10"] == pytest.approx(np.mean(kept), abs=2e-6)
    assert summary["slice"]["seen"]["n"] + summary["slice"]["unseen"]["n"] == summary["n_queries"]
    assert summary["slice"]["title"]["n"] == 4
    assert "user" not in summary["slice"]


def test_the_same_seed_gives_the_same_summary() -> None:
    assert metrics() == metrics()


def test_every_system_has_one_row_in_the_table() -> None:
    columns, rows = result_table(evaluation_of(metrics()))

    assert columns == COLUMNS
    assert [row[0] for row in rows] == [LABELS[s] for s in (BM25, BASE, TUNED, HYBRID)]
    assert {len(row) for row in rows} == {len(COLUMNS)}


@pytest.mark.parametrize("seen", [True, False])
def test_unseen_articles_have_no_column_where_training_saw_every_answer_or_none(*, seen: bool) -> None:
    found = metrics()
    found["slice"].pop("unseen") if seen else found["slice"]["unseen"].update(n=found["n_queries"])

    columns, rows = result_table(evaluation_of(found))

    assert columns == COLUMNS[:-1]
    assert {len(row) for row in rows} == {len(columns)}


def test_popularity_gives_every_query_the_articles_that_training_decisions_cite_most() -> None:
    pairs = [pair(f"p{i}", article_keys=keys) for i, keys in enumerate([("a", "b"), ("b",), ("c",)])]
    pairs.append(replace(pair("t"), meta=replace(pair("t").meta, type="title", article_keys=("c",))))
    run = popularity(pairs, {key: key for p in pairs for key in p.meta.article_keys}, ["q1", "q2"], 2)

    assert [s.id for s in run["q1"]] == [s.id for s in run["q2"]] == ["b", "a"]
