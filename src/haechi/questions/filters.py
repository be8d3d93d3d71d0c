"""Which questions are kept: each filter gives a reason or nothing, and every reason is counted."""

import re
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from difflib import SequenceMatcher

from haechi.law.text import fold
from haechi.records.passage import Passage
from haechi.records.question import Question

Filter = Callable[[Question], str]


def length_between(low: int, high: int) -> Filter:
    """Too short to mean anything, or too long to be typed."""
    return lambda q: "too_short" if len(q.question) < low else "too_long" if len(q.question) > high else ""


def in_korean(question: Question) -> str:
    """More than half of the letters are Hangul."""
    letters = [c for c in question.question if c.isalpha()]
    return "" if sum("가" <= c <= "힣" for c in letters) * 2 > len(letters) else "not_korean"


def about_this_document(question: Question) -> str:
    """Asks about the text instead of the world."""
    return (
        "asks_about_document"
        if re.search(r"(?<![가-힣])(이 (문서|글|조문|법령|문단)|위 (글|조문|문서))", question.question)
        else ""
    )


def not_copied(passages: Mapping[str, Passage], longest: int) -> Filter:
    """Repeats a long run of its passage."""

    def check(question: Question) -> str:
        text, asked = fold(passages[question.passage_id].text), fold(question.question)
        match = SequenceMatcher(None, text, asked, autojunk=False).find_longest_match()
        return "copies_passage" if match.size > longest else ""

    return check


def found_again(hits: Mapping[str, Sequence[str]], accepted: Mapping[str, frozenset[str]]) -> Filter:
    """Round trip: a search for the question must bring back its passage or a twin of it."""
    return lambda q: "" if accepted[q.passage_id] & set(hits.get(q.question_id, ())) else "round_trip"


def apply(questions: Iterable[Question], filters: Sequence[Filter]) -> tuple[list[Question], Counter[str]]:
    """The questions that pass all filters and repeat no earlier one; the others by the first reason met."""
    kept: dict[str, Question] = {}
    dropped: Counter[str] = Counter()
    for question in questions:
        text = fold(question.question)
        reason = next((reason for check in filters if (reason := check(question))), "")
        reason = reason or ("duplicate" if text in kept else "")
        if reason:
            dropped[reason] += 1
        else:
            kept[text] = question
    return list(kept.values()), dropped


def not_in(texts: frozenset[str]) -> Filter:
    """Is, word for word, a query of the test set (given folded)."""
    return lambda q: "test_query" if fold(q.question) in texts else ""
