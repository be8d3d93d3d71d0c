"""A synthetic question about one passage."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Question:
    """A question that `passage_id` answers; the id is a hash of its content, so it is stable across runs."""

    question_id: str
    passage_id: str
    article_key: str
    question: str
    style: str
    generator: str
    """The writer that made it; the test set's own questions have another name here than training's."""
    kind: str = ""
    """What it was made from: the structure that it asks about, or the prompt and its version."""
    answer: str = ""
    """The words of the passage that answer it; empty where the writer doesn't say."""


@dataclass(frozen=True, slots=True)
class DroppedQuestion:
    """A question that a filter dropped, and why; kept in a side file so that every drop can be looked at."""

    question_id: str
    passage_id: str
    question: str
    style: str
    generator: str
    kind: str
    reason: str
