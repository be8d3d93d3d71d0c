"""Whether an update has learned its new documents: the model before and after on questions about them."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from haechi.evaluation.hybrid import Search
from haechi.evaluation.params import EvaluateParams
from haechi.evaluation.searcher import Asked, Searcher
from haechi.evaluation.summary import difference_row
from haechi.records.question import Question
from haechi.retrieval.run import Run
from haechi.scoring.metrics import evaluate_run
from haechi.scoring.names import BASE, BM25, HEADLINE, TUNED
from haechi.scoring.significance import Array, Resampler


def compare_on_new(
    questions: Sequence[Question], searcher: Searcher, search: Mapping[str, Search], params: EvaluateParams
) -> dict[str, Any]:
    """Both models and BM25 on these questions; empty where there are none."""
    if not questions:
        return {}
    asked = [Asked(q.question_id, q.question, "") for q in questions]
    runs = {system: search[system](asked) for system in (BM25, BASE, TUNED)}
    gold = {q.question_id: searcher.named([q.article_key]) for q in questions}
    columns = {system: _values(run, gold) for system, run in runs.items()}
    sample = Resampler([q.article_key for q in questions], params.resamples, params.confidence, params.seed)
    gap = sample.differences(columns[TUNED], columns[BASE])[0]
    return {
        "documents": len({q.article_key for q in questions}),
        "questions": len(questions),
        HEADLINE: {system: round(float(column.mean()), 6) for system, column in columns.items()},
        "difference": difference_row(gap, gap.p),
    }


def _values(run: Run, gold: Mapping[str, Sequence[str]]) -> Array:
    """The headline metric of each question.  # (questions, 1)"""
    scores = evaluate_run(run, gold, (10,))
    return np.array([[scores[id][HEADLINE]] for id in gold])
