"""Questions about documents that an update takes in, put as test questions are: they say whether it learned these documents.

Training never sees them; but the model has read the documents, so they don't say how it does on documents that it hasn't read.
"""

import hashlib
from collections.abc import Iterable, Sequence

from haechi.question_writer.write import HELD_OUT_WORDING, of_one_text, write_questions
from haechi.questions.words import Words
from haechi.records.passage import Passage
from haechi.records.question import Question
from haechi.text.normalize import fold

PASSAGES, EACH = 300, 2
"""Most passages that are asked about, and questions about each."""


def questions_on_new(passages: Sequence[Passage], trained_on: Iterable[str], words: Words, seed: int) -> tuple[Question, ...]:
    """Questions about these passages that training doesn't ask, nor is asked of two documents; in the order of their ids."""
    chosen = sorted(passages, key=lambda p: hashlib.sha256(f"{seed}:{p.id}".encode()).digest())[:PASSAGES]
    written = {q.question_id: q for q in write_questions(words.analysed(chosen), EACH, seed, HELD_OUT_WORDING)}
    trained = set(map(fold, trained_on))
    wanted = (q for q in of_one_text(written.values()) if fold(q.question) not in trained)
    questions = tuple(sorted(wanted, key=lambda q: q.question_id))
    words.of([q.question for q in questions])  # left in the store for evaluate, which then needs no analyser
    return questions
