"""Questions about the documents of an update: of those alone, worded otherwise than training's, scored for both models."""

from dataclasses import replace
from types import SimpleNamespace
from typing import Any

import numpy as np
from question_writer.test_write import corpus
from small_params import small

from haechi.evaluation.new_documents import compare_on_new, questions_on
from haechi.evaluation.params import EvaluateParams
from haechi.evaluation.searcher import Searcher
from haechi.models.continued import NOTHING, text_hash
from haechi.retrieval.params import RetrievalParams
from haechi.scoring.names import BASE, BM25, TUNED
from haechi.text.morphemes import tokenize

PASSAGES = corpus()
PARAMS = small(EvaluateParams, depth=20)


class Knowing:
    """Vectors by which the model `after` finds every new passage, and `before` finds none."""

    def __init__(self, passage_of: dict[str, int]) -> None:
        self._passage_of = passage_of

    def tokens(self, texts: list[str]) -> list[list[str]]:
        return tokenize(texts)

    def queries(self, model: str, texts: list[str]) -> np.ndarray:
        rows = np.eye(len(PASSAGES), dtype=np.float32)[[self._passage_of[text] for text in texts]]
        return rows if model == "after" else -rows

    def passages(self, model: str, texts: list[str]) -> np.ndarray:
        return np.eye(len(PASSAGES), dtype=np.float32)


def compared(new: int, held: set[str] | None = None, known: tuple[str, ...] = ()) -> dict[str, Any]:
    texts = [p.text for p in PASSAGES]
    place = {p.id: i for i, p in enumerate(PASSAGES)}
    questions = questions_on(PASSAGES[:new], known, PARAMS.seed)
    source: Any = Knowing({q.question: place[q.passage_id] for q in questions})
    manifest = SimpleNamespace(
        first_date="", cutoff="", reserved_articles=tuple(held or ()), held_out_documents=(), held_out_keys=(), near_duplicate=0.8
    )
    inputs: Any = SimpleNamespace(
        earlier=replace(NOTHING, passages=frozenset(map(text_hash, PASSAGES[new:]))),
        testset=SimpleNamespace(manifest=manifest, queries=(), validation=()),
        corpus=PASSAGES,
        trained_on=known,
        base="before",
        encoder="after",
    )
    searcher = Searcher(PASSAGES, tokenize(texts), RetrievalParams(1.2, 0.75), PARAMS.depth)
    vectors = source.passages("", texts)
    return compare_on_new(inputs, searcher, source, {BASE: vectors, TUNED: vectors}, PARAMS)


def test_a_model_that_finds_the_new_documents_has_gained() -> None:
    found = compared(3)

    assert found["documents"] == 3
    assert 3 <= found["questions"] <= 6
    assert found["ndcg@10"][TUNED] == 1.0
    assert found["ndcg@10"][BASE] < 0.5
    assert found["ndcg@10"].keys() == {BM25, BASE, TUNED}
    assert found["difference"]["value"] == round(1.0 - found["ndcg@10"][BASE], 6)


def test_nothing_is_asked_about_held_out_or_old_documents_nor_what_training_asked() -> None:
    key = PASSAGES[0].article_key
    asked = [q.question for q in questions_on(PASSAGES[:3], (), PARAMS.seed)]

    assert compared(3, {key})["documents"] == 2
    assert compared(0) == {}
    assert compared(3, known=tuple(asked)) == {}
    assert compared(3, known=(f"  {asked[0]} ",))["questions"] == len(asked) - 1


def test_without_an_earlier_training_nothing_is_compared() -> None:
    inputs: Any = SimpleNamespace(earlier=NOTHING)
    nothing: Any = None

    assert compare_on_new(inputs, nothing, nothing, {}, PARAMS) == {}


def test_the_questions_depend_on_neither_the_order_nor_the_neighbours_of_passages() -> None:
    whole = questions_on(PASSAGES, (), 7)

    assert questions_on(PASSAGES[::-1], (), 7) == whole
    assert {q.question for q in questions_on(PASSAGES[:3], (), 7)} >= {
        q.question for q in whole if q.passage_id in {p.id for p in PASSAGES[:3]}
    }
