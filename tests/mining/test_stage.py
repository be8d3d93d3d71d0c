"""The stage's one function with tiny models: byte-identical from an empty store, no model asked twice, a judge that must be good."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import orjson
import pytest
import tiny_models
from mining.cases import PARAMS
from small_law import pair, passage

from haechi.corpus.merge import merge
from haechi.inference.cached_reranker import Reranker
from haechi.mining.audit import write_audit
from haechi.mining.relevance import Query
from haechi.mining.sample import sample
from haechi.mining.stage import MinedAll, Models, ToMine, mine_all, not_mined_before, queries_of
from haechi.records.passage import Passage
from haechi.records.question import Question
from haechi.retrieval.params import RetrievalParams
from haechi.rowstore.store import Store, open_store
from haechi.runtime.errors import HaechiError

BM25 = RetrievalParams(1.2, 0.75)


def text(seed: int, length: int) -> str:
    return tiny_models.text_of(*np.random.default_rng(seed).integers(0, 14, length).tolist())


CORPUS = merge(passage(f"P{i:02d}", f"마을법\n{text(i, 12)}", article_key=f"A{i // 2}") for i in range(24))
TRAIN = [
    Query(f"q{i:02d}", text(100 + i, 5), (f"P{i:02d}",), (f"P{(i + 5) % 24:02d}",), frozenset({f"A{i % 7}"}), "precedent")
    for i in range(12)
]
VALID = [Query(f"v{i}", text(200 + i, 5), (f"P{i + 12:02d}",), (), frozenset(), "precedent") for i in range(4)]


def mined(store: Store, corpus: list[Passage] = CORPUS, reranked: bool = False, encoder: int = 1, **changes) -> MinedAll:
    params = replace(PARAMS, **{"margin": 1.5, "reranker_forced": True, **changes})
    reranker = tiny_models.cross_encoder() if reranked else None
    models = Models(tiny_models.static(encoder), reranker)
    return mine_all(ToMine(TRAIN, VALID, corpus, frozenset({"A11"})), models, params, BM25, store)


def written(made: MinedAll, folder: Path) -> dict[str, bytes]:
    folder.mkdir()
    write_audit(folder, {"train": made.train, "valid": made.valid}, made.corpus)
    examples = {"train": orjson.dumps(made.train.examples), "valid": orjson.dumps(made.valid.examples)}
    page = {"sample": sample(made.train, made.corpus, 7).encode(), "counts": orjson.dumps(made.counts)}
    return examples | page | {file.name: file.read_bytes() for file in folder.iterdir()}


@pytest.mark.parametrize("reranked", [False, True])
def test_a_run_from_an_empty_store_gives_the_same_bytes_as_any_other(tmp_path: Path, reranked: bool) -> None:
    with open_store(tmp_path / "one.sqlite") as store:
        first = written(mined(store, reranked=reranked, too_few="random"), tmp_path / "first")
        again = written(mined(store, reranked=reranked, too_few="random"), tmp_path / "again")
    with open_store(tmp_path / "two.sqlite") as store:
        mined(store, corpus=CORPUS[:17], reranked=reranked)  # reached by increments, from another corpus
        grown = written(mined(store, reranked=reranked, too_few="random"), tmp_path / "grown")
    with open_store(tmp_path / "three.sqlite") as store:
        fresh = written(mined(store, reranked=reranked, too_few="random"), tmp_path / "fresh")

    assert first == again == grown == fresh
    assert len(first) == 6


def test_changed_thresholds_ask_no_model(tmp_path: Path) -> None:
    with open_store(tmp_path / "rows.sqlite") as store:
        mined(store, reranked=True)
    with open_store(tmp_path / "rows.sqlite") as store:
        changed = mined(
            store,
            reranked=True,
            margin=0.9,
            absolute_margin=0.001,
            num_negatives=2,
            skip_top=1,
            sampling_strategy="spread",
            max_uses=3,
        )

        assert sum(tally.computed for tally in store.tally.values()) == 0
    assert changed.train.counts["dropped"]["skipped"] > 0  # type: ignore[index]


def test_the_reranker_sees_only_positives_and_what_knowledge_leaves(tmp_path: Path) -> None:
    with open_store(tmp_path / "rows.sqlite") as store:
        made = mined(store, reranked=True)

    for split in (made.train, made.valid):
        known = np.isin(split.fates, [1, 2, 3, 4, 5, 6, 7]) & (split.fates != 1)  # all but `positive`
        assert np.isnan(split.candidates.score[known]).all()
        assert np.isfinite(split.candidates.score[~known]).all()
        assert known.any()


def test_scores_of_examples_are_the_rerankers(tmp_path: Path) -> None:
    texts = {p.id: p.text for p in CORPUS}
    with open_store(tmp_path / "rows.sqlite") as store:
        made = mined(store, reranked=True)
        reranker = Reranker(tiny_models.cross_encoder(), store)
        for example in made.train.examples:
            ids = (*example.pos_ids, *example.neg_ids)
            scores = reranker.scores([(example.query, texts[id]) for id in ids])
            assert (*example.pos_scores, *example.neg_scores) == pytest.approx(scores, abs=1e-6)


def test_what_repeats_a_reserved_passage_is_as_reserved(tmp_path: Path) -> None:
    reserved = next(p for p in CORPUS if p.article_key == "A11")
    twin = replace(reserved, id="TWIN", parent_id="TWIN", article_key="ELSEWHERE", twins=())
    with open_store(tmp_path / "rows.sqlite") as store:
        made = mined(store, corpus=merge([*CORPUS, twin]), margin=99.0, num_negatives=99)

    assert made.train.counts["dropped"]["reserved"] > 0  # type: ignore[index]
    assert not {"TWIN", reserved.id} & {id for example in made.train.examples for id in example.neg_ids}


def test_both_splits_are_scored_by_the_vectors_of_their_own_queries(tmp_path: Path) -> None:
    texts = {p.id: p.text for p in CORPUS}
    model = tiny_models.static()
    with open_store(tmp_path / "rows.sqlite") as store:
        made = mined(store)

    for examples, queries in ((made.train.examples, TRAIN), (made.valid.examples, VALID)):
        assert [example.query_id for example in examples] == [query.id for query in queries]
        for example in examples:
            ids = (*example.pos_ids, *example.neg_ids)
            found = model.similarity(model.encode_query([example.query]), model.encode_document([texts[id] for id in ids]))[0]
            assert (*example.pos_scores, *example.neg_scores) == pytest.approx(found.tolist(), abs=2e-3)  # halves in the store


def test_a_second_encoder_mines_its_own_negatives_from_the_same_store(tmp_path: Path) -> None:
    with open_store(tmp_path / "rows.sqlite") as store:
        first, second = mined(store), mined(store, encoder=2)
        assert mined(store).train.examples == first.train.examples
    with open_store(tmp_path / "other.sqlite") as store:
        assert mined(store, encoder=2).train.examples == second.train.examples

    assert [e.neg_ids for e in first.train.examples] != [e.neg_ids for e in second.train.examples]


class Oracle:
    """A cross-encoder's stand-in: it scores what it is told."""

    def __init__(self, good: bool) -> None:
        self.answers = {q.text: next(p.text for p in CORPUS if p.id == q.positives[0]) for q in TRAIN + VALID}
        self.good, self.asked = good, 0

    def scores(self, pairs) -> np.ndarray:
        self.asked += len(pairs)
        return np.array([0.9 if (self.answers[query] == text) == self.good else 0.2 for query, text in pairs])

    def logits(self, pairs) -> np.ndarray:
        return self.scores(pairs)


@pytest.mark.parametrize(("good", "forced", "used"), [(True, False, True), (False, False, False), (False, True, True)])
def test_a_reranker_worse_than_the_searches_is_reported_and_not_used_unless_forced(
    good: bool, forced: bool, used: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    oracle = Oracle(good)
    monkeypatch.setattr("haechi.mining.stage.Reranker", lambda *_: oracle)
    params = replace(PARAMS, reranker_forced=forced)
    with open_store(tmp_path / "rows.sqlite") as store:
        made = mine_all(
            ToMine(TRAIN, VALID, CORPUS, frozenset()),
            Models(tiny_models.static(), tiny_models.cross_encoder()),
            params,
            BM25,
            store,
        )

    assert made.counts["judge"]["scores"] == ("reranker" if used else "encoder")  # type: ignore[index]
    assert made.train.reranked == used
    assert ("ranks validation positives worse" in capsys.readouterr().out) == (not good)
    assert {score for e in made.train.examples for score in e.pos_scores} == {0.9 if good else 0.2} or not used


@pytest.mark.parametrize("answer", [np.zeros((3, 2)), np.zeros(1), "nan"])
def test_a_reranker_with_two_outputs_too_few_or_no_number_is_one_sentence(
    answer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Odd(Oracle):
        def scores(self, pairs) -> np.ndarray:
            return (
                super().scores(pairs) if self.asked == 0 else np.full(len(pairs), np.nan) if isinstance(answer, str) else answer
            )

    odd = Odd(True)
    monkeypatch.setattr("haechi.mining.stage.Reranker", lambda *_: odd)
    with open_store(tmp_path / "rows.sqlite") as store, pytest.raises(HaechiError, match="mine: the reranker gave"):
        mine_all(
            ToMine(TRAIN, VALID, CORPUS, frozenset()),
            Models(tiny_models.static(), tiny_models.cross_encoder()),
            PARAMS,
            BM25,
            store,
        )


def test_agreement_without_a_reranker_is_no_parameter() -> None:
    with pytest.raises(ValueError, match=r"promote agreement is between the reranker and citations, and reranker is empty"):
        replace(PARAMS, promote="agreement", reranker="")


def test_an_empty_corpus_is_one_sentence(tmp_path: Path) -> None:
    with open_store(tmp_path / "rows.sqlite") as store, pytest.raises(HaechiError, match="the corpus is empty"):
        mined(store, corpus=[])


def test_pairs_keep_away_from_all_that_their_decision_cites_and_questions_from_their_article() -> None:
    asked = pair("PREC_1_s1", "물음", article_keys=("A0",), cocited=("A0", "A5"), source_id="PREC_1")
    question = Question("Q_1", "P02", "A1", "무엇인가", "title", "offline")
    first, second = queries_of([asked], [question])

    assert first.related_keys == {"A0", "A5", "PREC_1"}
    assert (first.positives, first.source) == (("A0",), "precedent")
    assert (second.positives, second.related_keys, second.source) == (("P02",), {"A1"}, "question")


def test_a_query_is_mined_again_only_where_an_earlier_example_lacks_one_of_its_answers(tmp_path: Path) -> None:
    with open_store(tmp_path / "rows.sqlite") as store:
        examples = mined(store).train.examples
    assert {e.query_id for e in examples} == {q.id for q in TRAIN}
    more = replace(TRAIN[0], positives=(*TRAIN[0].positives, "P20"))
    other = replace(TRAIN[1], text=f"{TRAIN[1].text} 마을")
    bare = replace(TRAIN[2], id="bare", positives=())

    assert not_mined_before(TRAIN, examples) == []
    assert not_mined_before([more, other, bare, *TRAIN[3:]], examples) == [more, other, bare]
    assert not_mined_before([*TRAIN, bare], []) == [*TRAIN, bare]
