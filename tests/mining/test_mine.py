from collections import Counter
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from small_law import passage
from strategies import WORDS

from haechi.corpus.merge import merge
from haechi.errors import HaechiError
from haechi.files import read_records, write_jsonl
from haechi.mining.mine import Mined, Query, mine
from haechi.params.mine import MineParams
from haechi.records.mined import MinedExample
from haechi.records.passage import Passage
from haechi.retrieval.dense import search

PARAMS = MineParams(10, 10, 3, 0.95, 0.9, 50, True)


def corpus(number: int, twins: int = 0) -> list[Passage]:
    """Two passages an article; the last `twins` repeat the first ones."""
    rng = np.random.default_rng(number)
    bodies = [" ".join(rng.choice(WORDS, 9)) + f" {i}번째 조문" for i in range(number)]
    bodies += bodies[:twins]
    return merge(passage(f"P{i:02d}", f"머리 {i}\n{body}", article_key=f"A{i // 2}") for i, body in enumerate(bodies))


def unit(seed: int, rows: int) -> np.ndarray:
    found = np.random.default_rng(seed).standard_normal((rows, 6)).astype(np.float32)
    return found / np.linalg.norm(found, axis=1, keepdims=True)


@st.composite
def unequal_positives(draw: st.DrawFn):
    """Queries with one to four positives over a small corpus with twins, cocited and reserved articles."""
    passages = corpus(draw(st.integers(8, 20)), draw(st.integers(0, 4)))
    ids, keys = [p.id for p in passages], sorted({p.article_key for p in passages})
    queries = [
        Query(
            f"q{i}",
            f"물음 {i}",
            tuple(draw(st.lists(st.sampled_from(ids), min_size=1, max_size=4, unique=True))),
            tuple(draw(st.lists(st.sampled_from(ids), max_size=3, unique=True))),
            frozenset(draw(st.lists(st.sampled_from(keys), max_size=2))),
            draw(st.sampled_from(("precedent", "title", "question"))),
        )
        for i in range(draw(st.integers(1, 6)))
    ]
    reserved = frozenset(draw(st.lists(st.sampled_from(keys), max_size=2)))
    return passages, queries, reserved, draw(st.integers(0, 999))


def mined(case, **changes: Any) -> Mined:
    passages, queries, reserved, seed = case
    vectors = {q.id: v for q, v in zip(sorted(queries, key=lambda q: q.id), unit(seed, len(queries)), strict=True)}
    q, p = np.array([vectors[query.id] for query in queries]), unit(seed + 1, len(passages))
    ids, query_ids = [x.id for x in passages], [x.id for x in queries]
    lexical = search(query_ids, q[:, ::-1].copy(), ids, p, PARAMS.bm25_top)  # another ranking stands for BM25
    dense = search(query_ids, q, ids, p, PARAMS.dense_top)
    return mine(queries, q, passages, p, lexical, dense, reserved, replace(PARAMS, **changes))


@given(unequal_positives())
def test_no_positive_twin_cocited_or_reserved_passage_is_ever_a_negative(case) -> None:
    passages, queries, reserved, _ = case
    by_id = {p.id: p for p in passages}

    # margin and near duplicates are switched off, or they would do the work of the filters meant here
    for query, example in zip(queries, mined(case, near_duplicate=2.0, margin=9.0, negatives=9).examples, strict=True):
        answers = {*query.positives, *(t for id in query.positives for t in by_id[id].twins)}
        gold = {by_id[id].article_key for id in query.positives}
        for id in example.neg_ids:
            assert id not in answers
            assert by_id[id].article_key not in gold | query.related_keys | reserved
            assert id not in example.related


@given(unequal_positives(), st.sampled_from((0.5, 0.95)))
def test_the_margin_is_measured_against_the_querys_own_worst_positive(case, margin: float) -> None:
    """Not against a neighbour's, as where an offset runs over the numbers of positives."""
    for example in mined(case, margin=margin).examples:
        assert len(example.pos_scores) == len(example.pos) == len(example.pos_ids)
        if min(example.pos_scores) > 1e-5:
            assert all(score < margin * min(example.pos_scores) + 2e-6 for score in example.neg_scores)


@given(unequal_positives())
def test_fields_of_an_example_belong_together(case) -> None:
    passages, queries, _, seed = case
    texts = {p.id: p.text for p in passages}
    row = {p.id: v for p, v in zip(passages, unit(seed + 1, len(passages)), strict=True)}
    asked = dict(zip([q.id for q in queries], unit(seed, len(queries)), strict=True))

    for example in mined(case).examples:
        assert len(example.neg) == len(example.neg_ids) == len(example.neg_scores) == len(example.neg_reasons) <= PARAMS.negatives
        assert len(set(example.neg_ids)) == len(example.neg_ids)
        assert example.pos == tuple(texts[id] for id in example.pos_ids)
        assert example.neg == tuple(texts[id] for id in example.neg_ids)
        assert list(example.neg_scores) == sorted(example.neg_scores, reverse=True)
        for id, score in zip((*example.pos_ids, *example.neg_ids), (*example.pos_scores, *example.neg_scores), strict=True):
            assert score == pytest.approx(float(asked[example.query_id] @ row[id]), abs=2e-6)


@given(unequal_positives())
def test_related_passages_are_all_that_may_answer_too(case) -> None:
    passages, queries, _, _ = case
    by_id = {p.id: p for p in passages}

    for query, example in zip(queries, mined(case).examples, strict=True):
        keys = {by_id[id].article_key for id in query.positives} | query.related_keys
        wanted = {p.id for p in passages if p.article_key in keys}
        wanted |= {t for id in query.positives for t in by_id[id].twins}
        assert set(example.related) == wanted - set(query.positives)


@given(unequal_positives(), st.integers(1, 3))
def test_no_passage_serves_more_examples_than_allowed(case, max_uses: int) -> None:
    uses = Counter(id for example in mined(case, max_uses=max_uses).examples for id in example.neg_ids)

    assert max(uses.values(), default=0) <= max_uses


@given(unequal_positives(), st.randoms(use_true_random=False))
def test_the_order_of_queries_does_not_matter(case, random) -> None:
    passages, queries, reserved, seed = case
    shuffled = random.sample(queries, len(queries))

    first, second = mined(case, max_uses=2), mined((passages, shuffled, reserved, seed), max_uses=2)
    assert [orjson.dumps(e) for e in first.examples] == [orjson.dumps(e) for e in second.examples]
    assert first.counts == second.counts


@given(unequal_positives())
def test_every_candidate_is_kept_dropped_or_left_beyond_the_number_wanted(case) -> None:
    everything = mined(case, negatives=99)
    kept = everything.counts["negatives"]["kept"]  # type: ignore[index]
    passages, queries, _, seed = case
    q, p = unit(seed, len(queries)), unit(seed + 1, len(passages))
    ids, query_ids = [x.id for x in passages], [x.id for x in queries]
    runs = [search(query_ids, v, ids, p, 10) for v in (q[:, ::-1].copy(), q)]
    met = sum(len({s.id for run in runs for s in run[query.id]} | set(query.structural)) for query in queries)

    assert kept + sum(everything.counts["dropped"].values()) == met  # type: ignore[attr-defined]
    assert kept == sum(len(example.neg_ids) for example in everything.examples)


def test_each_planted_candidate_is_counted_under_the_name_of_its_filter() -> None:
    """Two equal queries: the good passage may serve one of them only."""
    body = "우물을 고친 사람은 그 비용을 이웃에게 청구할 수 있다"
    planted = [  # id, article, body, cosine
        ("gold", "A", body, 0.8),
        ("twin", "T", body, 0.1),
        ("sibling", "A", "나무를 옮긴 사람의 책임", 0.1),
        ("cocited", "B", "담장의 높이를 정하는 방법", 0.1),
        ("reserved", "R", "시장을 여는 날과 닫는 날", 0.1),
        ("high", "H", "다리를 고치는 날과 방법", 0.9),
        ("copy", "C", body + "고 본다", 0.1),
        ("good", "G", "창고를 짓는 땅의 넓이", 0.5),
    ]
    passages = merge(passage(id, f"마을법\n{text}", article_key=article) for id, article, text, _ in planted)
    cosine = {id: score for id, _, _, score in planted}
    vectors = np.array([[cosine[p.id], (1 - cosine[p.id] ** 2) ** 0.5] for p in passages], dtype=np.float32)
    asked = np.array([[1.0, 0.0]] * 2, dtype=np.float32)
    queries = [Query(id, "우물 비용", ("gold",), (), frozenset({"B"}), "precedent") for id in ("q1", "q2")]
    run = search(["q1", "q2"], asked, [p.id for p in passages], vectors, 9)
    params = replace(PARAMS, max_uses=1, near_duplicate=0.7)
    found = mine(queries, asked, passages, vectors, run, run, frozenset({"R"}), params)

    assert [e.neg_ids for e in found.examples] == [("good",), ()]
    assert found.examples[0].neg_reasons == ("bm25+dense",)
    assert found.counts["dropped"] == {
        "positive_or_twin": 4,
        "same_article": 2,
        "cocited": 2,
        "reserved": 2,
        "above_margin": 2,
        "near_duplicate": 2,
        "overused": 1,
    }
    assert found.counts["examples_short_of_negatives"] == 2


def test_a_positive_outside_the_corpus_is_named() -> None:
    query = Query("q0", "물음", ("NOWHERE",), (), frozenset(), "precedent")

    with pytest.raises(HaechiError, match="NOWHERE of query q0"):
        mined((corpus(8), [query], frozenset(), 1))


@pytest.fixture
def file(tmp_path: Path) -> Path:
    queries = [
        Query(f"q{i}", f"물음 {i}", tuple(f"P{j:02d}" for j in range(i, i + 1 + i % 3)), (), frozenset(), "precedent")
        for i in range(6)
    ]
    examples = mined((corpus(20), queries, frozenset(), 3), margin=9.0).examples
    assert all(example.neg for example in examples)
    write_jsonl(tmp_path / "train.jsonl", examples)
    return tmp_path / "train.jsonl"


def test_the_mined_file_reads_back_as_it_was(file: Path) -> None:
    read = list(read_records(file, MinedExample))

    assert b"".join(orjson.dumps(e) + b"\n" for e in read) == file.read_bytes()


@pytest.mark.slow
def test_flagembedding_trains_on_the_mined_file(file: Path, tmp_path: Path) -> None:
    """Its own dataset class, with and without the scores as a teacher's."""
    from FlagEmbedding.abc.finetune.embedder import AbsEmbedderDataArguments
    from FlagEmbedding.abc.finetune.embedder.AbsDataset import AbsEmbedderTrainDataset

    examples = {example.query: example for example in read_records(file, MinedExample)}
    for distil in (False, True):
        args = AbsEmbedderDataArguments(
            train_data=[str(file)], cache_path=str(tmp_path / "cache"), train_group_size=4, knowledge_distillation=distil
        )
        dataset = AbsEmbedderTrainDataset(args, tokenizer=None)
        assert len(dataset) == len(examples)
        for query, passages, scores in (dataset[i] for i in range(len(dataset))):
            example = examples[query]
            assert passages[0] in example.pos
            assert set(passages[1:]) <= set(example.neg)
            assert len(passages) == 4
            if distil:
                known = dict(zip((*example.pos, *example.neg), (*example.pos_scores, *example.neg_scores), strict=True))
                assert scores == [known[text] for text in passages]


@settings(max_examples=5)
@given(unequal_positives())
def test_two_runs_give_the_same_bytes(case) -> None:
    assert orjson.dumps(mined(case).examples) == orjson.dumps(mined(case).examples)
