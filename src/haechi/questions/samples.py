"""A few questions of each style, for the reader of the log."""

import hashlib
from collections.abc import Sequence

from haechi.records.question import Question

SAMPLES = 10


def sample_rows(questions: Sequence[Question], count: int = SAMPLES) -> list[tuple[str, str]]:
    """(style, question): `count` of each style, the same ones in every run, spread over the corpus."""
    rows = []
    for style in sorted({q.style for q in questions}):
        drawn = sorted((q for q in questions if q.style == style), key=_mixed)[:count]
        rows += [(style, q.question) for q in drawn]
    return rows


def _mixed(question: Question) -> str:
    return hashlib.sha256(question.question_id.encode()).hexdigest()
