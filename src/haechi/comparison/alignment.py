"""Do training examples resemble what is evaluated? Asked before training, of texts alone.

An earlier system trained on one task and was judged by another. Divergence per facet tells where the two differ
(Jensen-Shannon, 0 the same, 1 disjoint); a few things must simply hold, and end the check if they don't.
"""

import math
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from haechi.records.mined import MinedExample
from haechi.records.passage import Passage
from haechi.records.query import TestQuery
from haechi.scoring.facets import style

FAR = 0.2
"""A divergence above this is worth a look; two halves of one sample stay far below."""


@dataclass(frozen=True)
class Item:
    """A query with one answer, wherever it comes from."""

    query: str
    answer: str
    source: str


@dataclass(frozen=True)
class Facet:
    """One way of looking at items, in both sets."""

    name: str
    divergence: float
    train: Mapping[str, float]
    test: Mapping[str, float]


@dataclass(frozen=True)
class Alignment:
    """What the check found."""

    facets: tuple[Facet, ...]
    broken: tuple[str, ...]
    """Assertions that don't hold, one sentence each."""


def train_items(examples: Iterable[MinedExample]) -> list[Item]:
    """One item a (query, positive), as training takes them."""
    return [Item(e.query, text, e.source) for e in examples for text in e.pos]


def test_items(queries: Iterable[TestQuery], corpus: Iterable[Passage]) -> list[Item]:
    """One item a (query, gold passage)."""
    texts: dict[str, list[str]] = {}
    for passage in corpus:
        texts.setdefault(passage.article_key, []).append(passage.text)
    return [Item(q.query_text, text, q.suite) for q in queries for key in q.gold for text in texts.get(key, ())]


test_items.__test__ = False  # type: ignore[attr-defined]  # pytest must not collect it


def align(
    examples: Sequence[MinedExample], queries: Sequence[TestQuery], corpus: Sequence[Passage], held_out: frozenset[str]
) -> Alignment:
    """Facets side by side, and what must hold; `held_out` are the articles that training must not touch."""
    train, test = train_items(examples), test_items(queries, corpus)
    facets = []
    for name, of in FACETS.items():
        one, two = _shares(map(of, train)), _shares(map(of, test))
        facets.append(Facet(name, divergence(one, two), one, two))
    return Alignment(tuple(sorted(facets, key=lambda f: -f.divergence)), tuple(_broken(examples, queries, corpus, held_out)))


def divergence(first: Mapping[str, float], second: Mapping[str, float]) -> float:
    """Jensen-Shannon divergence of two distributions, in bits."""
    total = 0.0
    for value in first.keys() | second.keys():
        p, q = first.get(value, 0.0), second.get(value, 0.0)
        middle = (p + q) / 2
        total += sum(0.5 * x * math.log2(x / middle) for x in (p, q) if x)
    return max(0.0, total)


def overlap(query: str, answer: str) -> float:
    """Share of the query's character pairs that the answer holds."""
    pairs = {query[i : i + 2] for i in range(len(query) - 1)} or {query}
    return sum(pair in answer for pair in pairs) / len(pairs)


FACETS = {
    "source": lambda item: item.source,
    "query style": lambda item: style(item.query),
    "query length": lambda item: _scale(len(item.query)),
    "answer length": lambda item: _scale(len(item.answer)),
    "shared letters": lambda item: f"{math.floor(10 * overlap(item.query, item.answer)) / 10:.1f}",
}


def _broken(
    examples: Sequence[MinedExample], queries: Sequence[TestQuery], corpus: Sequence[Passage], held_out: frozenset[str]
) -> Iterable[str]:
    key_of = {passage.id: passage.article_key for passage in corpus}
    test_queries = {q.query_text: q.query_id for q in queries}
    for example in examples:
        if example.query in test_queries:
            yield f"training query {example.query_id} is the text of test query {test_queries[example.query]}"
        for id in example.pos_ids:
            if key_of.get(id, "") in held_out:
                yield f"training query {example.query_id} is answered by {id}, which is held out"
        if not example.pos:
            yield f"training query {example.query_id} has no positive"
    articles = set(key_of.values())
    if not any(articles.intersection(q.gold) for q in queries):
        yield "no test query has gold in the corpus"


def _shares(values: Iterable[str]) -> dict[str, float]:
    counts = Counter(values)
    total = sum(counts.values())
    return {value: count / total for value, count in sorted(counts.items())}


def _scale(length: int) -> str:
    """Powers of two: 32-63, 64-127, ..."""
    low = 1 << max(0, length.bit_length() - 1)
    return f"{low}-{2 * low - 1}"
