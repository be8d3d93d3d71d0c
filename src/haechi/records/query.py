"""A test query and its relevance judgements."""

from dataclasses import dataclass
from typing import Literal

Suite = Literal["precedent", "title", "synthetic", "user", "validation"]
"""Queries of `validation` are no test: models are chosen by them where no decision gives validation pairs."""


@dataclass(frozen=True, slots=True)
class TestQuery:
    """A frozen query; `gold` names article keys, so it does not depend on how passages are cut."""

    __test__ = False  # the name begins with Test; pytest must not collect it

    query_id: str
    query_text: str
    gold: tuple[str, ...]
    suite: Suite
    group: str
    date: str
    source_id: str
    unseen: bool
    """All gold articles are reserved: no training text was made from them."""
    names_positive: bool


@dataclass(frozen=True, slots=True)
class Qrel:
    """One relevance judgement, as in a TREC qrels file."""

    query_id: str
    article_key: str
    relevance: int = 1
