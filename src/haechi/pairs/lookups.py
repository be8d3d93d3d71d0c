"""Queries for articles that no court cites: their title, and the terms that they define."""

import re

from haechi.law.book import LawBook
from haechi.law.passages import article_body
from haechi.pairs.query_text import law_name

_DEFINED = re.compile(r"[\"“]([^\"“”]{2,30})[\"”]\s*(?:이)?란")
MOST_TERMS = 5  # a definitions article may define fifty terms; five show what it is for


def title_query(article_key: str, book: LawBook) -> str:
    """The law's name and the article's title; empty if it has none."""
    title = book.title(article_key)
    return f"{law_name(article_key, book)} {title}" if title else ""


def definition_queries(article_key: str, book: LawBook) -> list[str]:
    """What the article's first terms mean, without the name of the law."""
    terms = dict.fromkeys(_DEFINED.findall(article_body(book.article(article_key))))
    return [f"{term}의 뜻" for term in list(terms)[:MOST_TERMS]]
