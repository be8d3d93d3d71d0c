"""The user's own labelled queries: their positives, given as ids or as article names, become article keys."""

from collections import Counter
from collections.abc import Iterable, Set
from dataclasses import dataclass

from haechi.law.book import LawBook
from haechi.law.citations import Resolved, parse_citations, resolve
from haechi.law.queries import UserQuery
from haechi.pairs.query_text import names_one


@dataclass(frozen=True, slots=True)
class LabelledUserQuery:
    """A user's query with the keys of what answers it."""

    query_id: str
    text: str
    keys: tuple[str, ...]
    names_positive: bool


def label_user_queries(
    queries: Iterable[UserQuery], book: LawBook, document_keys: Set[str]
) -> tuple[list[LabelledUserQuery], dict[str, int]]:
    """The queries with at least one known positive; the others are counted."""
    labelled: list[LabelledUserQuery] = []
    counts: Counter[str] = Counter()
    for query in queries:
        counts["read"] += 1
        keys = tuple(sorted({key for positive in query.positives for key in _keys(positive, book, document_keys)}))
        counts["kept" if keys else "unknown_positives"] += 1
        if keys:
            labelled.append(LabelledUserQuery(query.query_id, query.query, keys, names_one(query.query, keys, book)))
    return labelled, dict(sorted(counts.items()))


def _keys(positive: str, book: LawBook, document_keys: Set[str]) -> list[str]:
    if positive in book.article_keys or positive in document_keys:
        return [positive]
    answers = [resolve(citation, book, "") for citation in parse_citations(positive)]
    return [answer.article_key for answer in answers if isinstance(answer, Resolved)]
