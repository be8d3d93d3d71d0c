"""The model before and after an update, on questions about its new documents."""

from types import SimpleNamespace
from typing import Any

import numpy as np
from question_writer.test_write import corpus
from small_params import small

from haechi.evaluation.hybrid import passages_of, searches
from haechi.evaluation.new_documents import compare_on_new
from haechi.evaluation.params import EvaluateParams
from haechi.evaluation.searcher import Searcher
from haechi.records.question import Question
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


def compared(questions: tuple[Question, ...]) -> dict[str, Any]:
    place = {p.id: i for i, p in enumerate(PASSAGES)}
    source: Any = Knowing({q.question: place[q.passage_id] for q in questions})
    inputs: Any = SimpleNamespace(base="before", encoder="after", mixed={}, corpus=PASSAGES)
    searcher = Searcher(PASSAGES, tokenize([p.text for p in PASSAGES]), RetrievalParams(1.2, 0.75), PARAMS.depth)
    search = searches(inputs, searcher, source, passages_of(inputs, source))
    return compare_on_new(questions, searcher, search, PARAMS)


def test_a_model_that_finds_the_new_documents_has_gained() -> None:
    asked = [(i, text) for i in range(3) for text in ("수선 비용은 누가 내나요", "책임은 누구에게 있나요")]
    found = compared(
        tuple(
            Question(f"Q{n}", PASSAGES[i].id, PASSAGES[i].article_key, f"{text} {n}", "plain", "held_out")
            for n, (i, text) in enumerate(asked)
        )
    )

    assert (found["documents"], found["questions"]) == (3, 6)
    assert found["ndcg@10"][TUNED] == 1.0
    assert found["ndcg@10"][BASE] < 0.5
    assert found["ndcg@10"].keys() == {BM25, BASE, TUNED}
    assert found["difference"]["value"] == round(1.0 - found["ndcg@10"][BASE], 6)


def test_without_questions_nothing_is_compared() -> None:
    assert compared(()) == {}
