"""Which questions are kept: each filter gives a reason or nothing, and every reason is counted."""

import re
import unicodedata
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence

from haechi.llm.params import CROSS_LANGUAGE
from haechi.questions.repeats import Repeats
from haechi.records.passage import Passage
from haechi.records.question import DroppedQuestion, Question
from haechi.text.language import OTHER, Language, language
from haechi.text.normalize import fold

Filter = Callable[[Question], str]

_DOCUMENT = re.compile(
    r"(?<![가-힣])(?:(?:이|위|본|해당|주어진|제시된|다음)\s?(?:문서|글|지문|본문|문단|자료|내용|텍스트)|(?:이|위)\s?(?:조문|조항|법령|규정|사례집))"
    r"|제시문|(?:문서|지문|본문)에 따르면"
    r"|\b(?:this|the (?:above|given|following)) (?:document|text|passage|article|section|page|excerpt)\b"
    r"|\b(?:in|by|from) the (?:passage|excerpt)\b|\baccording to the (?:document|text|article|author|passage)\b",
    re.IGNORECASE,
)


def not_empty(question: Question) -> str:
    """Holds a letter or a digit."""
    return "" if any(c.isalnum() for c in question.question) else "empty"


def plain_text(question: Question) -> str:
    """One line of text: no control characters, markup, addresses or braces, as an answer of a model may hold."""
    bad = any(unicodedata.category(c) in ("Cc", "Cf", "Co", "Cn", "Zl", "Zp") for c in question.question)
    return "not_plain_text" if bad or re.search(r"[{}<>|\\`]|https?://|\*\*|^#", question.question) else ""


def length_between(low: int, high: int) -> Filter:
    """Too short to mean anything, or too long to be typed."""
    return lambda q: "too_short" if len(q.question) < low else "too_long" if len(q.question) > high else ""


def in_language(languages: Mapping[str, Language]) -> Filter:
    """Not in the language of its passage (`languages`: by passage id), or, where it was to be in the other one, not in that."""

    def check(question: Question) -> str:
        own = languages[question.passage_id]
        wanted = OTHER[own] if question.style == CROSS_LANGUAGE else own
        return "" if language(question.question) == wanted else "other_language"

    return check


def about_this_document(question: Question) -> str:
    """Asks about the text instead of the world."""
    return "asks_about_document" if _DOCUMENT.search(question.question) else ""


def not_copied(passages: Mapping[str, Passage], longest: int) -> Filter:
    """Repeats a long run of its passage."""
    folded: dict[str, str] = {}

    def check(question: Question) -> str:
        if question.passage_id not in folded:
            folded[question.passage_id] = fold(passages[question.passage_id].text)
        text, asked = folded[question.passage_id], fold(question.question)
        copied = any(asked[i : i + longest + 1] in text for i in range(len(asked) - longest))
        return "copies_passage" if copied else ""

    return check


def answered_by(passages: Mapping[str, Passage]) -> Filter:
    """The answer that the writer names doesn't stand in the passage; a writer that names none is believed."""
    return lambda q: "" if fold(q.answer) in fold(passages[q.passage_id].text) else "answer_not_in_passage"


def answerable(scores: Mapping[str, float | None], threshold: float) -> Filter:
    """A judge thinks that the passage doesn't answer it; a question without a score stays."""

    def check(question: Question) -> str:
        score = scores.get(question.question_id)
        return "unanswerable" if score is not None and score < threshold else ""

    return check


def unlike(texts: Sequence[str], questions: Iterable[Question], threshold: float) -> Filter:
    """Repeats or nearly repeats one of the texts: the queries of the test set."""
    known = Repeats([*texts, *(q.question for q in questions)], threshold)
    for text in texts:
        known.add(text)
    return lambda q: "test_query" if known.find(q.question) else ""


def found_again(ranks: Mapping[str, int], k: int) -> Filter:
    """Round trip: a search for the question must bring back its passage, or a twin of it, among the first k.

    Not asked of a question in another language than its passage: neither search could know their words.
    """
    return lambda q: "" if q.style == CROSS_LANGUAGE or 0 < ranks.get(q.question_id, 0) <= k else "round_trip"


def apply(questions: Iterable[Question], filters: Sequence[Filter]) -> tuple[list[Question], list[DroppedQuestion]]:
    """The questions that pass all filters; the others with the first reason met."""
    kept, dropped = [], []
    for question in questions:
        reason = next((reason for check in filters if (reason := check(question))), "")
        if reason:
            dropped.append(drop(question, reason))
        else:
            kept.append(question)
    return kept, dropped


def unrepeated(
    questions: Sequence[Question], passages: Mapping[str, Passage], threshold: float
) -> tuple[list[Question], list[DroppedQuestion]]:
    """The questions that say something new, in the order given; a repetition goes by where the first of its like came from.

    Every question is compared with those kept before it, so a chain of likes loses its links but not its ends.
    """
    seen = Repeats((q.question for q in questions), threshold)
    folded: set[str] = set()
    kept: list[Question] = []
    dropped: list[DroppedQuestion] = []
    for question in questions:
        text = fold(question.question)
        if text in folded:
            dropped.append(drop(question, "duplicate"))
        elif likes := seen.find(question.question):
            own = passages[question.passage_id].parent_id, question.article_key
            others = {(passages[kept[i].passage_id].parent_id, kept[i].article_key) for i in likes}
            dropped.append(drop(question, "near_duplicate_in_document" if own in others else "near_duplicate_across"))
        else:
            folded.add(text)
            seen.add(question.question)
            kept.append(question)
    return kept, dropped


def drop(question: Question, reason: str) -> DroppedQuestion:
    """The question with the reason why it is left out."""
    q = question
    return DroppedQuestion(q.question_id, q.passage_id, q.question, q.style, q.generator, q.kind, reason)


def reasons(dropped: Iterable[DroppedQuestion]) -> dict[str, int]:
    """How many were dropped for each reason."""
    return dict(sorted(Counter(question.reason for question in dropped).items()))
