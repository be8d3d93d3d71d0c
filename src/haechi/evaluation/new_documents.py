"""Whether a training that went on from an earlier one has learned the new documents: questions about them, before and after.

They are worded as the questions on held-out documents are, not as training's; but the model has read these documents, so this
says what it took in, not how it does on documents that it has never seen.
"""

import hashlib
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np

from haechi.corpus.duplicates import with_duplicates
from haechi.evaluation.inputs import Inputs
from haechi.evaluation.params import EvaluateParams
from haechi.evaluation.searcher import Asked, Searcher, Source
from haechi.evaluation.summary import difference_row
from haechi.question_writer.sentences import analyse
from haechi.question_writer.write import HELD_OUT_WORDING, write_questions
from haechi.records.passage import Passage
from haechi.records.question import Question
from haechi.retrieval.dense import Vectors
from haechi.retrieval.run import Run
from haechi.scoring.metrics import evaluate_run
from haechi.scoring.names import BASE, BM25, HEADLINE, TUNED
from haechi.scoring.significance import Array, Resampler
from haechi.testset.manifest import held_out
from haechi.text.normalize import fold

PASSAGES, EACH = 300, 2
"""Most passages that are asked about, and questions about each."""


def questions_on(passages: Sequence[Passage], trained_on: Iterable[str], seed: int) -> list[Question]:
    """Questions about these passages that training didn't ask, nor is asked of two documents; in the order of their ids."""
    chosen = sorted(passages, key=lambda p: hashlib.sha256(f"{seed}:{p.id}".encode()).digest())[:PASSAGES]
    read = zip(chosen, analyse([passage.text for passage in chosen]), strict=True)
    written = {q.question_id: q for q in write_questions(read, EACH, seed, HELD_OUT_WORDING)}
    asked_of: dict[str, set[str]] = defaultdict(set)
    for question in written.values():
        asked_of[fold(question.question)].add(question.article_key)
    known = set(map(fold, trained_on))
    wanted = (q for q in written.values() if fold(q.question) not in known and len(asked_of[fold(q.question)]) == 1)
    return sorted(wanted, key=lambda q: q.question_id)


def compare_on_new(
    inputs: Inputs, searcher: Searcher, source: Source, passages: Mapping[str, Vectors], params: EvaluateParams
) -> dict[str, Any]:
    """The model before and after, and BM25, on questions about new documents; empty where the base is no earlier model."""
    if not inputs.earlier:
        return {}
    away = held_out(inputs.testset)
    held = with_duplicates(away.articles | away.sources, inputs.corpus)
    new = [p for p in inputs.earlier.new(inputs.corpus) if p.article_key not in held and p.type != "prec"]
    questions = questions_on(new, inputs.trained_on, params.seed)
    if not questions:
        return {}
    texts, asked = [q.question for q in questions], [Asked(q.question_id, q.question, "") for q in questions]
    runs: dict[str, Run] = {BM25: searcher.bm25(asked, source.tokens(texts))}
    for system, model in ((BASE, inputs.base), (TUNED, inputs.encoder)):
        runs[system] = searcher.dense(asked, source.queries(model, texts), passages[system])
    gold = {q.question_id: searcher.named([q.article_key]) for q in questions}
    columns = {system: _values(run, gold) for system, run in runs.items()}
    sample = Resampler([q.article_key for q in questions], params.resamples, params.confidence, params.seed)
    gap = sample.differences(columns[TUNED], columns[BASE])[0]
    return {
        "documents": len({p.article_key for p in new}),
        "questions": len(questions),
        HEADLINE: {system: round(float(column.mean()), 6) for system, column in columns.items()},
        "difference": difference_row(gap, gap.p),
    }


def _values(run: Run, gold: Mapping[str, Sequence[str]]) -> Array:
    """The headline metric of each question.  # (questions, 1)"""
    scores = evaluate_run(run, gold, (10,))
    return np.array([[scores[id][HEADLINE]] for id in gold])
