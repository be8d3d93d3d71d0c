"""Corpus -> training questions: write, filter, and check that each finds its passage again."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from haechi.law.twins import with_twins
from haechi.params.generate_qa import GenerateQaParams
from haechi.params.retrieval import RetrievalParams
from haechi.questions import filters
from haechi.questions.offline import TRAINING, write_questions
from haechi.records.passage import Passage
from haechi.records.question import Question
from haechi.retrieval.bm25 import Bm25
from haechi.tokens import tokenize


class Writer(Protocol):
    """Whoever writes questions: the offline one, or one that asks a model.

    Ids are hashes of the passage's id and the question; a passage may get fewer than asked for, or none: why is the writer's
    to record. The same passages in any order give the same questions in any order.
    """

    def __call__(self, passages: Sequence[Passage]) -> Sequence[Question]:
        """Questions on these passages, not yet filtered."""
        ...


@dataclass(frozen=True)
class Generated:
    """The kept questions and what happened to the others."""

    questions: tuple[Question, ...]
    counts: dict[str, object]


def generate(
    corpus: Sequence[Passage],
    held_out_keys: frozenset[str],
    held_out_texts: frozenset[str],
    params: GenerateQaParams,
    retrieval: RetrievalParams,
) -> Generated:
    """Questions on every passage that the test set does not hold out, in order of id."""
    away = with_twins(held_out_keys, corpus)
    allowed = [p for p in corpus if p.article_key not in away and p.type != "prec"]
    written = write_questions(allowed, params.questions_per_passage, params.seed, TRAINING, params.generator)
    by_id = {p.id: p for p in allowed}
    checks = [
        filters.length_between(params.min_chars, params.max_chars),
        filters.in_korean,
        filters.about_this_document,
        filters.not_copied(by_id, params.max_copied_chars),
        filters.not_in(held_out_texts),
    ]
    kept, dropped = filters.apply(written, checks)
    if params.round_trip_k and kept:
        index = Bm25([p.id for p in corpus], tokenize([p.text for p in corpus]), retrieval)
        run = index.search([q.question_id for q in kept], tokenize([q.question for q in kept]), params.round_trip_k)
        hits = {query_id: [s.id for s in run[query_id]] for query_id in run}
        kept, lost = filters.apply(kept, [filters.found_again(hits, {p.id: frozenset({p.id, *p.twins}) for p in allowed})])
        dropped += lost
    questions = tuple(sorted(kept, key=lambda q: q.question_id))
    counts: dict[str, object] = {
        "passages": {"in": len(corpus), "held_out": len(corpus) - len(allowed)},
        "questions": {"written": len(written), "kept": len(questions), "dropped": dict(sorted(dropped.items()))},
        "styles": {style: sum(q.style == style for q in questions) for style in sorted({q.style for q in questions})},
    }
    return Generated(questions, counts)
