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
