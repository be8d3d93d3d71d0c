from collections import Counter
from dataclasses import replace
from pathlib import Path

import numpy as np
import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from mining.cases import LOOSE, PARAMS, Case, cases, corpus, mined, searched, unit
from small_law import passage

from haechi.corpus.merge import merge
from haechi.mining.filters import FATES
from haechi.mining.mine import Advice, Mined, Searched, mine
from haechi.mining.relevance import Corpus, Query
from haechi.records.mined import MinedExample
from haechi.retrieval.dense import search
from haechi.retrieval.run import Run
from haechi.runtime.errors import HaechiError
from haechi.runtime.files import read_records, write_jsonl


@given(cases(), st.sampled_from(("fewer", "random")))
def test_no_positive_twin_version_cocited_or_reserved_passage_is_ever_a_negative(case: Case, too_few: str) -> None:
    by_id = {p.id: p for p in case.passages}
    queries = {query.id: query for query in case.queries}

    for example in mined(case, num_negatives=9, too_few=too_few, **LOOSE).examples:
        query = queries[example.query_id]
        positives = [by_id[id] for id in query.positives]
        answers = {*query.positives, *(t for p in positives for t in p.twins)}
        provisions = {(p.law_name, p.article) for p in positives if p.article}
        for id in example.neg_ids:
            assert id not in answers
            assert by_id[id].article_key not in {p.article_key for p in positives} | query.related_keys | case.reserved
            assert (by_id[id].law_name, by_id[id].article) not in provisions
            assert id not in example.related


@given(cases(), st.sampled_from((0.5, 0.95)))
def test_the_margin_is_measured_against_the_querys_own_worst_positive(case: Case, margin: float) -> None:
    """Not against a neighbour's, as where an offset runs over the numbers of positives."""
    for example in mined(case, margin=margin).examples:
        assert len(example.pos_scores) == len(example.pos) == len(example.pos_ids)
        if min(example.pos_scores) > 1e-5:
            assert all(score < margin * min(example.pos_scores) + 2e-6 for score in example.neg_scores)


@given(cases())
def test_the_hardest_that_are_left_are_taken(case: Case) -> None:
    found = mined(case, sampling_strategy="top")
    for row, query in enumerate(found.queries):
        mine_ = found.candidates.query == row
        left = [
            (-score, passage)
            for score, passage, fate in zip(
                found.candidates.score[mine_], found.candidates.passage[mine_], found.fates[mine_], strict=True
            )
            if FATES[fate] in ("chosen", "spare")
        ]
        ids = sorted(p.id for p in case.passages)
        example = next(e for e in found.examples if e.query_id == query.id)
        assert list(example.neg_ids) == [ids[passage] for _, passage in sorted(left)][: PARAMS.num_negatives]


@given(cases())
def test_an_even_choice_goes_from_the_hardest_that_is_left_to_the_easiest(case: Case) -> None:
    found = mined(case, sampling_strategy="spread", skip_top=0, max_uses=9999, **LOOSE)
    ids = sorted(p.id for p in case.passages)
    for row, query in enumerate(found.queries):
        left = (found.candidates.query == row) & np.isin(found.fates, [FATES.index("chosen"), FATES.index("spare")])
        order = [ids[p] for _, p in sorted(zip(-found.candidates.score[left], found.candidates.passage[left], strict=True))]
        last, wanted = len(order) - 1, PARAMS.num_negatives
        places = range(len(order)) if last < wanted else [round(last * i / (wanted - 1)) for i in range(wanted)]
        example = next(e for e in found.examples if e.query_id == query.id)
        assert list(example.neg_ids) == [order[place] for place in places]


@given(cases())
def test_fields_of_an_example_belong_together(case: Case) -> None:
    texts = {p.id: p.text for p in case.passages}
    found = searched(case)
    row = {p.id: v for p, v in zip(case.passages, found.passage_vectors, strict=True)}
    asked = dict(zip([q.id for q in case.queries], found.query_vectors, strict=True))

    for example in mined(case).examples:
        assert (
            len(example.neg)
            == len(example.neg_ids)
            == len(example.neg_scores)
            == len(example.neg_reasons)
            <= PARAMS.num_negatives
        )
        assert example.pos == tuple(texts[id] for id in example.pos_ids)
        assert example.neg == tuple(texts[id] for id in example.neg_ids)
        assert list(example.neg_scores) == sorted(example.neg_scores, reverse=True)
        for id, score in zip((*example.pos_ids, *example.neg_ids), (*example.pos_scores, *example.neg_scores), strict=True):
            assert score == pytest.approx(float(asked[example.query_id] @ row[id]), abs=2e-6)
        for id, reason in zip(example.neg_ids, example.neg_reasons, strict=True):
            query = next(q for q in case.queries if q.id == example.query_id)
            ways = {"bm25": found.bm25[query.id], "dense": found.dense[query.id]}
            by = [way for way, ranked in ways.items() if id in {s.id for s in ranked}]
            assert reason.split("+") == by + ["structural"] * (id in query.structural)


@given(cases())
def test_related_passages_are_all_that_may_answer_too(case: Case) -> None:
    by_id = {p.id: p for p in case.passages}
    examples = {e.query_id: e for e in mined(case, near_duplicate=2.0).examples}

    for query in case.queries:
        positives = [by_id[id] for id in query.positives]
        keys = {p.article_key for p in positives} | query.related_keys
        provisions = {(p.law_name, p.article) for p in positives if p.article}
        wanted = {p.id for p in case.passages if p.article_key in keys or (p.law_name, p.article) in provisions}
        wanted |= {t for p in positives for t in p.twins}
        assert examples[query.id].related == tuple(sorted(wanted - set(query.positives)))


def test_near_duplicates_of_a_positive_are_related() -> None:
    body = "우물을 고친 사람은 그 비용을 이웃에게 청구할 수 있다"
    passages = merge(
        [passage("A", f"법\n{body}"), passage("B", f"법\n{body}고 본다"), passage("C", "법\n나무를 옮긴 사람의 책임")]
    )
    case = Case(passages, [Query("q", "물음", ("A",), (), frozenset(), "title")], frozenset(), 1)

    assert mined(case, near_duplicate=0.7).examples[0].related == ("B",)


@given(cases(), st.randoms(use_true_random=False), st.sampled_from(("top", "sampled", "spread")))
def test_the_order_of_queries_and_passages_does_not_matter(case: Case, random, choice: str) -> None:
    queries = random.sample(case.queries, len(case.queries))
    passages = random.sample(case.passages, len(case.passages))
    changes = {"max_uses": 2, "sampling_strategy": choice, "too_few": "random"}

    first, second = mined(case, **changes), mined(Case(passages, queries, case.reserved, case.seed), **changes)
    assert [orjson.dumps(e) for e in first.examples] == [orjson.dumps(e) for e in second.examples]
    assert first.counts == second.counts


@given(cases(), st.sampled_from(("fewer", "random")))
def test_every_candidate_that_was_met_has_one_fate_and_is_counted_once(case: Case, too_few: str) -> None:
    found = mined(case, too_few=too_few)
    counts, searches = found.counts, searched(case)
    lists = {q.id: {s.id for run in (searches.bm25, searches.dense) for s in run[q.id]} | set(q.structural) for q in case.queries}
    own = sum(len(lists[q.id] & set(q.positives)) for q in case.queries)
    random = int((found.candidates.found_by == 8).sum())

    assert (found.fates > 0).all()
    assert counts["candidates"]["met"] == sum(map(len, lists.values())) + random  # type: ignore[index]
    assert counts["candidates"]["random"] == random  # type: ignore[index]
    dropped = sum(counts["dropped"].values())  # type: ignore[attr-defined]
    assert own + dropped + counts["spare"] + counts["negatives"]["kept"] == counts["candidates"]["met"]  # type: ignore[index,operator]
    assert counts["negatives"]["kept"] == sum(len(example.neg_ids) for example in found.examples)  # type: ignore[index]


def planted() -> tuple[list, np.ndarray, dict[str, str]]:
    """One candidate for each filter: id, article, label, body, cosine, fate."""
    body = "우물을 고친 사람은 그 비용을 이웃에게 청구할 수 있다"
    rows = [
        ("gold", "A", "제1조", body, 0.8, "positive"),
        ("twin", "T", "", body, 0.1, "twin"),
        ("sibling", "A", "", "나무를 옮긴 사람의 책임", 0.1, "same_article"),
        ("older", "V", "제1조", "담장을 헐고 다시 쌓는 때", 0.1, "other_version"),
        ("cocited", "B", "", "담장의 높이를 정하는 방법", 0.1, "cocited"),
        ("reserved", "R", "", "시장을 여는 날과 닫는 날", 0.1, "reserved"),
        ("high", "H", "", "다리를 고치는 날과 방법", 0.9, "above_margin"),
        ("copy", "C", "", body + "고 본다", 0.1, "near_duplicate"),
        ("good", "G", "", "창고를 짓는 땅의 넓이", 0.5, "chosen"),
    ]
    passages = merge(passage(id, f"마을법\n{text}", article_key=key, article=label) for id, key, label, text, _, _ in rows)
    cosine = {row[0]: row[4] for row in rows}
    vectors = np.array([[cosine[p.id], (1 - cosine[p.id] ** 2) ** 0.5] for p in passages], dtype=np.float32)
    return passages, vectors, {row[0]: row[5] for row in rows}


def mine_planted(**changes) -> Mined:
    """Two equal queries: the good passage may serve one of them only."""
    passages, vectors, _ = planted()
    asked = np.array([[1.0, 0.0]] * 2, dtype=np.float32)
    queries = [Query(id, "우물 비용", ("gold",), (), frozenset({"B"}), "precedent") for id in ("q1", "q2")]
    run = search(["q1", "q2"], asked, [p.id for p in passages], vectors, 9)
    known = Corpus(passages, frozenset({"R"}))
    params = replace(PARAMS, max_uses=1, near_duplicate=0.7, **changes)
    return mine(queries, Searched(asked, vectors, run, run), known, known.near_duplicates(np.arange(len(known)), 0.7), params)


def test_each_planted_candidate_meets_the_fate_of_its_filter() -> None:
    passages, _, fates = planted()
    found = mine_planted()
    ids = sorted(p.id for p in passages)
    for query in (0, 1):
        rows = found.candidates.query == query
        met = {ids[p]: FATES[f] for p, f in zip(found.candidates.passage[rows], found.fates[rows], strict=True)}
        expected = fates if "good" in found.examples[query].neg_ids else fates | {"good": "overused"}
        assert met == expected

    assert sorted(len(e.neg_ids) for e in found.examples) == [0, 1]
    assert found.counts["dropped"] == dict.fromkeys(set(fates.values()) - {"positive", "chosen"}, 2) | {"overused": 1}
    assert found.counts["examples_short_of_negatives"] == 2
    assert found.counts["examples_without_negatives"] == 1


@pytest.mark.parametrize(
    "switched_off", ["twin", "same_article", "other_version", "cocited", "reserved", "above_margin", "near_duplicate"]
)
def test_a_filter_that_is_switched_off_lets_its_candidate_through(switched_off: str) -> None:
    """So no other filter does its work: what the false-negative benchmark measures is that filter."""
    passages, vectors, fates = planted()
    asked = np.array([[1.0, 0.0]], dtype=np.float32)
    run = search(["q"], asked, [p.id for p in passages], vectors, 9)
    known, query = Corpus(passages, frozenset({"R"})), Query("q", "우물", ("gold",), (), frozenset({"B"}), "precedent")
    near = known.near_duplicates(np.arange(len(known)), 0.7)
    # a twin has the words of the positive: it is near as well
    without = {switched_off} | ({"near_duplicate"} if switched_off == "twin" else set())
    params, advice = replace(PARAMS, num_negatives=9), Advice(without=frozenset(without))

    chosen = set(mine([query], Searched(asked, vectors, run, run), known, near, params, advice).examples[0].neg_ids)
    assert chosen == {"good"} | {id for id, fate in fates.items() if fate in without}


def test_queries_whose_positive_nobody_finds_are_suspicious_and_counted_by_source() -> None:
    passages = corpus(12)
    queries = [Query(f"q{i}", "물음", (f"P{i:02d}",), (), frozenset(), "title" if i else "precedent") for i in range(3)]
    case = Case(passages, queries, frozenset(), 5)
    everything = searched(case)
    lists = {q: [s for s in everything.dense[q] if q == "q2" or s.id != f"P0{q[1]}"] for q in ("q0", "q1", "q2")}
    lists["q2"] = [*[s for s in lists["q2"] if s.id != "P02"], ("P02", -2.0)]
    known = Corpus(passages, frozenset())
    found = mine(queries, replace(everything, bm25=Run({}), dense=Run(lists)), known, {}, PARAMS)

    assert [found.queries[row].id for row in sorted(found.suspicious)] == ["q0", "q1"]
    assert found.counts["suspicious"] == {"precedent": 1, "title": 1}


# Bad input


def test_a_positive_outside_the_corpus_is_named() -> None:
    with pytest.raises(HaechiError, match="positive NOWHERE of query q0 is not in the corpus"):
        mined(Case(corpus(8), [Query("q0", "물음", ("NOWHERE",), (), frozenset(), "precedent")], frozenset(), 1))


def test_a_query_without_positives_is_counted_and_set_aside() -> None:
    queries = [Query(f"q{i}", "물음", ("P00",) if i else (), (), frozenset(), "user") for i in range(3)]
    found = mined(Case(corpus(8), queries, frozenset(), 1))

    assert [e.query_id for e in found.examples] == ["q1", "q2"]
    assert found.counts["queries_without_positives"] == 1
    alone = mined(Case(corpus(8), queries[:1], frozenset(), 1))
    assert (alone.examples, alone.counts["queries_without_positives"]) == ((), 1)


def test_a_structural_negative_outside_the_corpus_is_counted() -> None:
    query = Query("q0", "물음", ("P00",), ("P06", "GONE"), frozenset({"NOT_AN_ARTICLE"}), "precedent")

    assert mined(Case(corpus(8), [query], frozenset(), 1)).counts["structural_unknown"] == 1


def test_an_empty_corpus_is_one_sentence() -> None:
    with pytest.raises(HaechiError, match="the corpus is empty"):
        Corpus([], frozenset())


@pytest.mark.parametrize(
    ("spoil", "sentence"),
    [
        (lambda s: replace(s, query_vectors=s.query_vectors * np.nan), "vector of query q0 is not finite"),
        (lambda s: replace(s, passage_vectors=_with_nan(s.passage_vectors, 3)), "vector of passage P03 is not finite"),
        (lambda s: replace(s, passage_vectors=s.passage_vectors[:, :4]), "queries have 6 dimensions, those of passages 4"),
        (lambda s: replace(s, passage_vectors=s.passage_vectors[:5]), "5 vectors for 8 passages"),
        (lambda s: replace(s, dense=Run({"q0": [("ELSEWHERE", 1.0)]})), "found passage ELSEWHERE, which is not in the corpus"),
    ],
)
def test_what_can_not_be_compared_is_one_sentence(spoil, sentence: str) -> None:
    case = Case(corpus(8), [Query("q0", "물음", ("P00",), (), frozenset(), "title")], frozenset(), 1)

    with pytest.raises(HaechiError, match=sentence):
        mine(case.queries, spoil(searched(case)), Corpus(case.passages, frozenset()), {}, PARAMS)


def _with_nan(vectors: np.ndarray, row: int) -> np.ndarray:
    spoiled = vectors.copy()
    spoiled[row, 0] = np.nan
    return spoiled


def test_a_query_id_that_occurs_twice_is_named() -> None:
    queries = [Query("q0", "물음", ("P00",), (), frozenset(), "title")] * 2
    known, vectors = Corpus(corpus(8), frozenset()), unit(1, 8)

    with pytest.raises(HaechiError, match="query id q0 occurs twice"):
        mine(queries, Searched(vectors[:2], vectors, Run({}), Run({})), known, {}, PARAMS)


# The file


@pytest.fixture
def file(tmp_path: Path) -> Path:
    queries = [
        Query(f"q{i}", f"물음 {i}", tuple(f"P{j:02d}" for j in range(i, i + 1 + i % 3)), (), frozenset(), "precedent")
        for i in range(6)
    ]
    examples = mined(Case(corpus(20), queries, frozenset(), 3), margin=99.0).examples
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
@given(cases())
def test_two_runs_give_the_same_bytes(case: Case) -> None:
    assert orjson.dumps(mined(case).examples) == orjson.dumps(mined(case).examples)


def test_reasons_are_counted_as_they_stand_in_the_examples() -> None:
    found = mine_planted(too_few="random", num_negatives=2)

    reasons = Counter(reason for example in found.examples for reason in example.neg_reasons)
    assert found.counts["negatives"] == {"kept": sum(reasons.values()), **reasons}
