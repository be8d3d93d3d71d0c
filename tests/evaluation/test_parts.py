"""The smaller parts of evaluation: facets, run files, probes, gating, the space, failures, further systems."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from small_law import PASSAGES, key, pair
from strategies import lists_by_query

from haechi.evaluation.abstention import auroc, best_threshold, judge_threshold
from haechi.evaluation.failures import Explainer, count_failures
from haechi.evaluation.forgetting import load_beir, load_probes, not_inferior
from haechi.evaluation.geometry import alignment, cka, drift, neighbour_overlap, separation, uniformity
from haechi.evaluation.m3_systems import Heads, late_interaction, m3_runs, sparse_run
from haechi.evaluation.searcher import Asked, Searcher
from haechi.evaluation.systems import read_run
from haechi.models.m3_heads import has_heads
from haechi.records.query import TestQuery
from haechi.records.result import QueryResult
from haechi.reranking.rerank import rerank
from haechi.retrieval.params import RetrievalParams
from haechi.retrieval.run import Run
from haechi.runtime.errors import BadRecord, HaechiError
from haechi.runtime.files import write_jsonl, write_text
from haechi.scoring.facets import Facetter, by_law, slices, style
from haechi.scoring.names import COMBINED, MULTI_VECTOR, SPARSE
from haechi.scoring.score_queries import judge
from haechi.scoring.significance import Difference

NAME = {p.article_key: p.article_key for p in PASSAGES}
QUERY = TestQuery("q1", "우물을 고칠 책임이 있는지 여부", (key(4),), "precedent", "g1", "20210304", "PREC_1", False, False)


# Facets


def test_a_query_is_described_by_what_it_asks_and_by_its_gold() -> None:
    pairs = [pair(f"p{i}", article_keys=(key(4),)) for i in range(4)]
    found = Facetter(PASSAGES, pairs, NAME)(QUERY, QUERY.gold)

    assert found == {
        "articles": ("seen",),
        "names_positive": ("no",),
        "law": ("마을법",),
        "query_length": ("0-49",),
        "style": ("whether",),
        "gold_cited_in_training": ("3-9",),
        "passage_length": ("0-199",),
        "year": ("2021",),
    }


@pytest.mark.parametrize(
    ("text", "expected"),
    [("고칠 수 있나요?", "question"), ("책임이 있는지 여부", "whether"), ("책임의 의미", "what"), ("우물 수선", "words")],
)
def test_the_form_of_a_question(text: str, expected: str) -> None:
    assert style(text) == expected


def rows(n: int = 30, laws: int = 3) -> list[QueryResult]:
    return [
        QueryResult(
            f"q{i}",
            "precedent" if i % 5 else "title",
            f"g{i}",
            bool(i % 5),
            ("a",),
            {"articles": ("unseen" if i % 3 else "seen",), "law": (f"법{i % laws}", "헌법"), "year": (str(2000 + i % 20),)},
            {"tuned": (1,)},
            {"tuned": ("a",)},
        )
        for i in range(n)
    ]


def test_seen_and_unseen_split_the_headline_and_small_slices_are_not_shown() -> None:
    found = slices(rows())

    assert sorted(found["seen"] + found["unseen"]) == [i for i in range(30) if i % 5]
    assert all(len(places) >= 5 for name, places in found.items() if "/" in name)
    assert not any(name.startswith("year/") for name in found)
    assert found["title"] == [0, 5, 10, 15, 20, 25]
    assert sorted(by_law(rows())) == ["법0", "법1", "법2", "헌법"]


# Run files


@given(lists_by_query())
def test_a_run_survives_its_file(tmp_path_factory: pytest.TempPathFactory, lists) -> None:
    """Scores are written with six digits, so only lists whose scores differ by more keep their order; whole numbers do."""
    whole = {q: [(id, float(rank)) for rank, (id, _) in enumerate(found)] for q, found in lists.items() if found}
    file = tmp_path_factory.mktemp("run") / "x.trec"
    Run(whole).write_trec(file, "x")
    if whole:
        again = Run(read_run(file))
        assert {q: again[q] for q in again} == {q: Run(whole)[q] for q in whole}


@pytest.mark.parametrize(
    ("line", "sentence"),
    [
        ("q1 Q0 a 1 0.5", "5 columns"),
        ("q1 Q0 a 1 nan x", "a finite score, found nan"),
        ("q1 Q0 a 1 high x", "a finite score, found high"),
        ("q1 Q0 b 2 0.1 x", "each id once a query, found b again for query q1"),
    ],
)
def test_what_is_wrong_with_a_run_file_is_named_with_its_line(line: str, sentence: str, tmp_path: Path) -> None:
    write_text(tmp_path / "x.trec", f"q1 Q0 b 1 0.9 x\n{line}\n")

    with pytest.raises(BadRecord, match=rf"x.trec:2: .*{sentence}"):
        read_run(tmp_path / "x.trec")


def test_an_empty_run_file_is_refused(tmp_path: Path) -> None:
    write_text(tmp_path / "x.trec", "\n")
    with pytest.raises(BadRecord, match="found nothing"):
        read_run(tmp_path / "x.trec")


SEARCHER = Searcher(PASSAGES, [[p.article] for p in PASSAGES], RetrievalParams(1.2, 0.75), 10)
ASKED = [Asked("q1", "우물", ""), Asked("q2", "다리", key(5))]


def test_a_foreign_run_may_rank_passages_or_articles_and_never_answers_a_query_with_its_own_source() -> None:
    found = SEARCHER.foreign({"q1": [(key(2), 1.0)], "q2": [(key(5), 2.0), (PASSAGES[0].id, 1.0)]}, ASKED, "x")

    assert [s.id for s in found["q1"]] == [key(2)]
    assert [s.id for s in found["q2"]] == [PASSAGES[0].article_key]


@pytest.mark.parametrize(
    ("lists", "sentence"),
    [({"q9": [("a", 1.0)]}, "x: q9 is no query"), ({"q1": [("a", 1.0)]}, "x: query q1 ranks a, neither")],
)
def test_unknown_ids_in_a_foreign_run_are_named(lists: dict[str, list[tuple[str, float]]], sentence: str) -> None:
    with pytest.raises(HaechiError, match=sentence):
        SEARCHER.foreign(lists, ASKED, "x")


def test_missing_vectors_are_one_sentence() -> None:
    with pytest.raises(HaechiError, match="2 queries and 12 passages, but vectors of shapes"):
        SEARCHER.dense(ASKED, np.ones((2, 4), np.float32), np.ones((11, 4), np.float32))


# Probes


def gap(value: float, low: float, high: float) -> Difference:
    return Difference(value, low, high, 0.5, 1, 1, 1, 0.06, 10)


@pytest.mark.parametrize(
    ("low", "high", "expected"),
    [
        (-0.01, 0.03, "PASS"),
        (-0.019, -0.001, "PASS"),
        (-0.03, 0.01, "INCONCLUSIVE"),
        (-0.05, -0.021, "FAIL"),
        (-0.02, 0.1, "INCONCLUSIVE"),
    ],
)
def test_not_inferior_must_be_shown(low: float, high: float, expected: str) -> None:
    """A worse figure may PASS within the margin, and a better one be INCONCLUSIVE on few questions."""
    found = not_inferior(gap((low + high) / 2, low, high), 100, 0.02)

    assert found["verdict"] == expected
    assert ("needed" in found) is (expected == "INCONCLUSIVE")


def test_the_number_of_questions_that_would_decide() -> None:
    """Room of .02 + .01 = .03 at a detectable .06: half of it needs four times the questions."""
    assert not_inferior(gap(0.01, -0.04, 0.06), 100, 0.02)["needed"] == 400


def beir(folder: Path, gold: str = "d1") -> None:
    write_jsonl(folder / "corpus.jsonl", [{"_id": "d1", "title": "제목", "text": "본문"}, {"_id": "d2", "text": "다른"}])
    write_jsonl(folder / "queries.jsonl", [{"_id": "q1", "text": "물음"}, {"_id": "q2", "text": "판정 없는 물음"}])
    write_text(folder / "qrels" / "test.tsv", f"query-id\tcorpus-id\tscore\nq1\t{gold}\t1\nq1\td2\t0\n")


def test_a_folder_in_beirs_format_is_one_more_probe(tmp_path: Path) -> None:
    write_jsonl(tmp_path / "corpus.jsonl", [{"id": "g1", "text": "김치"}])
    write_jsonl(tmp_path / "queries.jsonl", [{"query_id": "gq1", "query_text": "무엇", "gold": ["g1"]}])
    beir(tmp_path / "news")
    found = load_probes(tmp_path)

    assert list(found) == ["general", "news"]
    assert found["news"].passages[0].text == "제목 본문"
    assert [(q.query_id, q.gold) for q in found["news"].queries] == [("q1", ("d1",))]


def test_a_probe_with_gold_that_is_not_there_is_refused(tmp_path: Path) -> None:
    beir(tmp_path, gold="d9")
    with pytest.raises(HaechiError, match="q1 has gold that is not in"):
        load_beir(tmp_path)


# Gating


def test_the_gate_tells_what_can_be_told() -> None:
    answerable, strange = [0.5, 0.6, 0.9, 0.2], [0.1, 0.3, 0.4]
    threshold = best_threshold(answerable, strange)
    found = judge_threshold(threshold, answerable, strange)

    assert threshold == 0.5
    assert (found["answered"], found["refused"]) == (0.75, 1.0)


@given(st.lists(st.floats(0, 1), min_size=1, max_size=12), st.lists(st.floats(0, 1), min_size=1, max_size=12))
def test_the_area_is_the_share_of_pairs_in_the_right_order(high: list[float], low: list[float]) -> None:
    pairs = [1.0 if a > b else 0.5 if a == b else 0.0 for a in high for b in low]

    assert auroc(high, low) == pytest.approx(sum(pairs) / len(pairs))


@given(st.lists(st.floats(0, 1), min_size=1, max_size=12), st.lists(st.floats(0, 1), min_size=1, max_size=12))
def test_no_threshold_does_better_than_the_chosen_one(high: list[float], low: list[float]) -> None:
    def right(t: float) -> float:
        found = judge_threshold(t, high, low)
        return found["answered"] + found["refused"]

    assert right(best_threshold(high, low)) == pytest.approx(max(right(t) for t in {*high, *low}))


# The space


def unit(seed: int, n: int = 40, dim: int = 6) -> np.ndarray:
    vectors = np.random.default_rng(seed).normal(size=(n, dim)).astype(np.float32)
    return vectors / np.linalg.norm(vectors, axis=1, keepdims=True)


def test_a_turned_space_is_the_same_space_and_a_strange_one_is_not() -> None:
    vectors, turn = unit(1), np.linalg.qr(np.random.default_rng(2).normal(size=(6, 6)))[0].astype(np.float32)

    assert cka(vectors, vectors @ turn) == pytest.approx(1.0, abs=1e-5)
    assert neighbour_overlap(vectors, vectors @ turn) == pytest.approx(1.0)
    assert drift(vectors, vectors)["mean_cosine"] == pytest.approx(1.0)
    assert cka(vectors, unit(3)) < 0.5
    assert neighbour_overlap(vectors, unit(3)) < 0.6
    assert "mean_cosine" not in drift(vectors, unit(3, dim=4))


def test_alignment_uniformity_and_separation_at_their_ends() -> None:
    vectors = unit(1)

    assert alignment(vectors, vectors) == 0.0
    assert alignment(vectors, -vectors) == pytest.approx(4.0, rel=1e-5)
    assert uniformity(np.repeat(vectors[:1], 10, axis=0), 1) == pytest.approx(0.0, abs=1e-6)
    assert uniformity(vectors, 1) < -1.0
    assert separation([0.9, 0.2], [0.5, 0.3]) == {"gold": 0.55, "best_other": 0.4, "gold_higher": 0.5}


# Failures


def failed(top: str, gold: str = key(4), ranks: tuple[int, ...] = (12,), articles: str = "seen") -> QueryResult:
    run = {"tuned": Run({"q1": [(top, 1.0)] if top else []})}
    row = judge([QUERY], QUERY.suite, {"q1": (gold,)}, run, Facetter(PASSAGES, [], NAME))[0]
    return replace(row, ranks={"tuned": ranks}, facets={**row.facets, "articles": (articles,)})


TOKENS = [[p.title, "마을", "회의"] for p in PASSAGES]
EXPLAINER = Explainer(PASSAGES, TOKENS, NAME)


@pytest.mark.parametrize(
    ("row", "words", "expected"),
    [
        (failed(key(4), ranks=(1,)), ["마을"], ()),
        (failed(key(1)), ["마을"], ("sibling",)),
        (failed(key(4, "000002")), ["마을"], ("near_duplicate",)),  # the same article of the other law
        (failed(key(1, "000002"), ranks=()), ["마을"], ("beyond_depth",)),
        (failed(key(1, "000002")), ["전혀", "다른", "낱말"], ("lexical_gap",)),
        (failed(key(1, "000002"), articles="unseen"), ["회의"], ("unseen",)),
        (failed("", ranks=()), ["회의"], ("beyond_depth",)),
    ],
)
def test_each_reason_for_a_failure_is_found(row: QueryResult, words: list[str], expected: tuple[str, ...]) -> None:
    assert EXPLAINER.reasons(row, words) == expected


def test_failures_are_counted_by_reason() -> None:
    one = replace(failed(key(1)), failure=("sibling", "unseen"))
    assert count_failures([one, replace(one, failure=()), replace(one, ranks={"tuned": (1,)})]) == {
        "n": 2,
        "unexplained": 1,
        "beyond_depth": 0,
        "near_duplicate": 0,
        "sibling": 1,
        "lexical_gap": 0,
        "unseen": 1,
    }


# Further systems


def test_a_reranker_reorders_the_head_and_an_article_stands_by_its_best_passage() -> None:
    run = Run({"q1": [(key(1), 3.0), (key(2), 2.0), (key(3), 1.0)]})
    seen: list[tuple[str, str]] = []

    def score(pairs: list[tuple[str, str]]) -> list[float]:
        seen.extend(pairs)
        return [1.0 if "정의" in text else 0.0 for _, text in pairs]

    found = rerank(run, {"q1": "뜻"}, PASSAGES, NAME, score, 2)

    assert [s.id for s in found["q1"]] == [key(2), key(1)]
    assert [query for query, _ in seen] == ["뜻", "뜻"]


QUERIES = Heads([{"7": 0.5, "8": 1.0}, {"9": 1.0}], [np.eye(3, dtype=np.float32)[:2], np.eye(3, dtype=np.float32)[2:]])
TEXTS = Heads(
    [{"7": 2.0}, {"8": 0.5, "1": 3.0}, {}],
    [np.eye(3, dtype=np.float32)[:1], np.eye(3, dtype=np.float32)[1:2], np.eye(3, dtype=np.float32)],
)


def test_learned_token_weights_by_hand() -> None:
    """q1 with a: .5 x 2 = 1; with b: 1 x .5; c shares nothing. q2 finds nothing."""
    found = sparse_run(["q1", "q2"], QUERIES, ["a", "b", "c"], TEXTS, 10)

    assert found["q1"] == (("a", 1.0), ("b", 0.5))
    assert found["q2"] == ()


def test_late_interaction_and_the_sum_of_three_heads_by_hand() -> None:
    """q1 has two token vectors; text c holds both (1), a and b one each (.5)."""
    dense = Run({"q1": [("a", 0.5), ("c", 0.1)], "q2": [("c", 0.2)]})
    found = m3_runs(["q1", "q2"], QUERIES, ["a", "b", "c"], TEXTS, dense, 10)

    assert late_interaction(QUERIES.vectors[0], TEXTS.vectors[2]) == 1.0
    assert found[MULTI_VECTOR]["q1"] == (("c", 1.0), ("a", 0.5), ("b", 0.5))
    assert dict(found[COMBINED]["q1"]) == pytest.approx(
        {"a": 0.4 * 0.5 + 0.2 * 1.0 + 0.4 * 0.5, "b": 0.2 * 0.5 + 0.4 * 0.5, "c": 0.4 * 0.1 + 0.4}
    )
    assert found[SPARSE]["q1"][0].id == "a"


def test_only_a_folder_with_both_heads_is_a_bge_m3(tmp_path: Path) -> None:
    assert not has_heads(tmp_path)
    for name in ("sparse_linear.pt", "colbert_linear.pt"):
        (tmp_path / name).touch()
    assert has_heads(tmp_path)
