"""A court's issue as a query: the answer marker goes, citations stay, and naming one's own answer is noticed."""

import re
from collections.abc import Iterable

from haechi.citations.law_index import LawIndex
from haechi.text.normalize import fold

# (적극), (소극), (한정 적극), (=원칙적 적극): the court's answer, which no searcher would type
_ANSWER = re.compile(r"\s*[(（]\s*=?\s*(?:[가-힣]+\s+)?(?:적극|소극)(?!적)[^()（）]{0,30}[)）]\s*")
_NAMED = re.compile(r"제\s*(\d+)\s*조(?:\s*의\s*(\d+))?")


def query_text(issue: str) -> str:
    """The issue without answer markers and surplus spaces."""
    return re.sub(r"\s+", " ", _ANSWER.sub(" ", issue)).strip(" /·,")


def law_name(article_key: str, index: LawIndex) -> str:
    """The full name of the law that an article stands in."""
    return index.law(index.law_key(article_key)).name


def names_one(text: str, article_keys: Iterable[str], index: LawIndex) -> bool:
    """Whether a query spells out one of its own answers: the article's label, with its law or with no law at all.

    A bare 제N조 counts, since whoever has the statute open could look it up.
    """
    labels = {f"제{number}조" + (f"의{branch}" if branch else "") for number, branch in _NAMED.findall(text)}
    if not labels:
        return False
    folded = fold(text)
    mentioned = {name for name in index.names if fold(name) in folded}
    for key in article_keys:
        if key in index.article_keys and index.article(key).label in labels:
            law = index.law(index.law_key(key))
            if not mentioned or {law.name, law.abbr} & mentioned:
                return True
    return False
