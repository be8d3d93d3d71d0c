"""Test queries to look at: won, lost and failed ones with passages side by side, and a line for every query.

Everything here is text of strangers. It leaves as plain values, and the page shows it as text.
"""

import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any

from haechi.records.mined import MinedExample
from haechi.records.passage import Passage
from haechi.records.result import QueryResult
from haechi.report.inputs import Results
from haechi.runtime.files import read_records
from haechi.scoring.names import BASE, BM25, HEADLINE, HYBRID, RERANKED, TUNED
from haechi.scoring.score_queries import values

EACH = 5
"""Examples of one kind."""
LONGEST, GLANCE = 480, 260
"""Letters that are shown of an article cited, and of one found."""
LINES = 4000
"""Queries that get a line: a page must stay small."""
SIDES = (TUNED, BASE, BM25)
LOOKED_AT = 10
COMMON = 0.15
"""A beginning of a word that stands in more passages than this share says nothing, and is not marked."""
STOP = frozenset(
    (
        "경우",
        "여부",
        "없는",
        "않는",
        "있는",
        "것으",
        "하는",
        "되는",
        "위한",
        "대한",
        "관한",
        "따른",
        "따라",
        "하였",
        "아니",
        "또는",
        "어떤",
    )
)
"""Beginnings that are rarer than that and say as little."""
SCANNED = 3000
"""Training examples that are looked through for one of each source."""

Marked = list[str]
"""A text in pieces; every second piece is marked."""


@dataclass(frozen=True)
class Judged:
    """A query's row with the headline metric of each side."""

    row: QueryResult
    scores: Mapping[str, float]

    @property
    def gain(self) -> float:
        """Tuned less untuned."""
        return self.scores[TUNED] - self.scores[BASE]

    def results(self, system: str) -> int:
        """Rank of the first gold article; 0 where there is none."""
        return min(self.row.ranks.get(system, ()), default=0)


def judged(results: Results) -> list[Judged]:
    """Every test query, the largest gain first."""
    rows = [row for row in results.rows if {BASE, TUNED} <= row.ranks.keys()]
    if not rows:
        return []
    systems = sorted(set.intersection(*(set(row.ranks) for row in rows)))
    scored = values(rows, systems, (10,))[HEADLINE]
    made = [Judged(row, dict(zip(systems, map(float, line), strict=True))) for row, line in zip(rows, scored, strict=True)]
    return sorted(made, key=lambda one: (-one.gain, one.row.query_id))


def examples(results: Results, queries: Sequence[Judged]) -> dict[str, list[dict[str, Any]]]:
    """Kind -> examples: at most one a decision, so that they differ."""
    if not results.passages or not results.queries:
        return {}
    shelf = Shelf(results.passages)
    headline = [one for one in queries if one.row.headline and one.row.query_id in results.queries]
    kinds = {
        "won": [one for one in headline if one.gain > 0],
        "lost": [one for one in reversed(headline) if one.gain < 0],
        "failed": [one for one in headline if not 0 < one.results(TUNED) <= LOOKED_AT],
    }
    return {
        kind: [_example(results, shelf, one) for one in islice(_apart(chosen), EACH)] for kind, chosen in kinds.items() if chosen
    }


def lines(results: Results, queries: Sequence[Judged]) -> list[dict[str, Any]]:
    """A short line for each query, for the table of all of them."""
    systems = [name for name in (BM25, BASE, TUNED, HYBRID, RERANKED) if queries and name in queries[0].row.ranks]
    return [
        {
            "query": _cut(results.queries[one.row.query_id].query_text, 160)
            if one.row.query_id in results.queries
            else one.row.query_id,
            "law": ", ".join(one.row.facets.get("law", ())),
            "suite": one.row.suite,
            "ranks": {system: one.results(system) for system in systems},
            "gain": round(one.gain, 3),
        }
        for one in queries[:LINES]
    ]


def trained_on(file: Path) -> list[dict[str, Any]]:
    """One training example of each source, from the beginning of the file."""
    if not file.exists():
        return []
    seen: dict[str, dict[str, Any]] = {}
    for one in islice(read_records(file, MinedExample), SCANNED):
        if one.source not in seen and one.pos and one.neg:
            seen[one.source] = {
                "source": one.source,
                "query": _cut(one.query, 200),
                "positive": _cut(one.pos[0], 260),
                "negative": _cut(one.neg[0], 260),
            }
    return [seen[source] for source in sorted(seen)]


class Shelf:
    """The corpus by article, and which beginnings of words are too common to mark."""

    def __init__(self, passages: Sequence[Passage]) -> None:
        self._passages: dict[str, list[Passage]] = {}
        for passage in passages:
            self._passages.setdefault(passage.article_key, []).append(passage)
        counts = Counter(start for passage in passages for start in _starts(passage.text))
        self._common = {start for start, count in counts.items() if count > COMMON * len(passages)}

    def article(self, key: str, asked: str, longest: int) -> dict[str, Any]:
        """An article as the page shows it: the passage that shares most with the query, marked."""
        kept = self._passages.get(key)
        if not kept:
            return {"key": key, "law": "", "name": key, "text": [""]}
        stems = self.stems(asked)
        best = max(kept, key=lambda passage: sum(stem in passage.text for stem in stems))
        return {
            "key": key,
            "law": best.law_name,
            "name": _name(best) or key,
            "text": marked(_window(best.body, stems, longest), stems),
        }

    def stems(self, asked: str) -> list[str]:
        """Beginnings of the query's words that tell passages apart, longest first: Korean puts its endings last."""
        starts = {word[:size] for word in _words(asked) for size in range(2, len(word) + 1)}
        kept = (start for start in starts if start[:2] not in self._common and start[:2] not in STOP)
        return sorted(kept, key=lambda start: (-len(start), start))


def _name(passage: Passage) -> str:
    """An article with its title; a document with the headings that the passage stands below, and its page."""
    if passage.type == "doc":
        return f"{passage.header}, p. {passage.page}" if passage.page else passage.header
    return f"{passage.article}({passage.title})" if passage.article and passage.title else passage.article or passage.title


def marked(text: str, stems: Sequence[str]) -> Marked:
    """The text in pieces, every second one a match."""
    if not stems:
        return [text]
    return re.split("(" + "|".join(map(re.escape, stems)) + ")", text)


def _example(results: Results, shelf: Shelf, one: Judged) -> dict[str, Any]:
    text = results.queries[one.row.query_id].query_text
    stems = shelf.stems(text)
    cited = [shelf.article(key, text, LONGEST) for key in one.row.gold]
    first = {key: shelf.article(key, text, GLANCE) for side in SIDES for key in one.row.top.get(side, ())}
    matches = {piece for article in (*cited, *first.values()) for piece in article["text"][1::2]}
    present = [stem for stem in stems if any(stem in match for match in matches)]
    return {
        "id": one.row.query_id,
        "query": marked(text, present),
        "gold": cited,
        "sides": [
            {
                "system": system,
                "rank": one.results(system),
                "score": round(one.scores[system], 3),
                "top": [{**first[key], "gold": key in one.row.gold} for key in one.row.top.get(system, ())],
            }
            for system in SIDES
            if system in one.row.ranks
        ],
        "why": list(one.row.failure),
    }


def _apart(queries: Sequence[Judged]) -> list[Judged]:
    """The first of each group."""
    first: dict[str, Judged] = {}
    for one in queries:
        first.setdefault(one.row.group, one)
    return list(first.values())


def _window(text: str, stems: Sequence[str], longest: int) -> str:
    """So much of a long text as is shown, from a little before the first match."""
    if len(text) <= longest:
        return text
    first = min((at for stem in stems if (at := text.find(stem)) >= 0), default=0)
    start = max(0, min(first - 60, len(text) - longest))
    return ("…" if start else "") + text[start : start + longest].strip() + ("…" if start + longest < len(text) else "")


def _words(text: str) -> list[str]:
    return re.findall(r"[가-힣A-Za-z0-9]{2,}", text)


def _starts(text: str) -> set[str]:
    return {word[:2] for word in _words(text)}


def _cut(text: str, most: int) -> str:
    return text if len(text) <= most else text[:most].rstrip() + "…"
