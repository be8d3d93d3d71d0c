"""Thirty examples that a person can read, with what was dropped and why; the same ones in every run."""

from collections import Counter, defaultdict
from collections.abc import Iterator
from itertools import chain, zip_longest

import numpy as np

from haechi.mining.candidates import Candidates, Ints, names_of_ways
from haechi.mining.filters import CODE, FATES
from haechi.mining.mine import Mined
from haechi.mining.relevance import Corpus
from haechi.mining.sampling import draw, hashes
from haechi.records.passage import Passage

SIZE = 30
_CHARS = 160
MEANINGS = {
    "positive": "the query's own positive",
    "twin": "the same words as a positive under another id",
    "reserved": "reserved for the test set",
    "same_article": "another part of the answer itself",
    "other_version": "another version of a gold article",
    "cocited": "cited anywhere by the same decision",
    "together": "cited together with a positive by other decisions",
    "near_duplicate": "nearly the words of a positive",
    "unseen": "beyond where the reranker stopped",
    "skipped": "among the first of BM25's or the encoder's list (skip_top)",
    "above_margin": "scored too close to the worst positive, or above it",
    "overused": "already a negative of as many examples as allowed",
    "spare": "fit, but not among those chosen",
    "chosen": "chosen as a negative",
    "promoted": "made a positive by the judge",
}
"""Every fate in words."""


def sample(mined: Mined, corpus: Corpus, seed: int) -> str:
    """A Markdown page of examples, drawn evenly from the sources."""
    order = np.argsort(mined.candidates.query, kind="stable")
    lines = ["# A sample of what was mined", "", *_reasons(mined), ""]
    for place, row in enumerate(_drawn(mined, seed), start=1):
        start, end = np.searchsorted(mined.candidates.query, (row, row + 1), sorter=order)
        lines += [f"## {place}. {mined.queries[row].id}", "", *_example(mined, corpus, row, order[start:end]), ""]
    lost = sorted(mined.suspicious)
    lines += [f"## Suspicious: {len(lost)} of {len(mined.queries)} queries", ""]
    lines += ["Neither BM25 nor the encoder found a positive of these; the first are:", ""]
    lines += [f"- {mined.queries[row].id}: {_short(mined.queries[row].text)}" for row in lost[:SIZE]]
    return "\n".join(lines) + "\n"


def _drawn(mined: Mined, seed: int) -> list[int]:
    """One of each source in turn, in an order drawn by the seed."""
    numbers = draw(seed, hashes([query.id for query in mined.queries]), np.ones(1, dtype=np.uint64))
    by_source: dict[str, list[int]] = defaultdict(list)
    for row in np.argsort(numbers, kind="stable").tolist():
        by_source[mined.queries[row].source].append(row)
    turns = chain.from_iterable(zip_longest(*(by_source[source] for source in sorted(by_source))))
    return [row for row in turns if row is not None][:SIZE]


def _reasons(mined: Mined) -> Iterator[str]:
    counts = np.bincount(mined.fates[mined.candidates.found_by > 0], minlength=len(FATES))
    yield from ("| fate | candidates | meaning |", "| --- | ---: | --- |")
    yield from (f"| {name} | {counts[CODE[name]]:,} | {meaning} |" for name, meaning in MEANINGS.items() if counts[CODE[name]])


def _example(mined: Mined, corpus: Corpus, row: int, rows: Ints) -> Iterator[str]:
    candidates, fates = mined.candidates.take(rows), mined.fates[rows]
    query = mined.queries[row]
    yield f"{query.source}: **{_short(query.text, 400)}**"
    yield ""
    score_of = dict(zip(candidates.passage.tolist(), candidates.score.tolist(), strict=True))
    for id in query.positives:
        number = corpus.number[id]
        yield f"- positive {score_of[number]:.3f} {_passage(corpus.passages[number])}"
    chosen = np.flatnonzero(fates == CODE["chosen"])
    yield from (_negative(candidates, corpus, place) for place in chosen[np.argsort(-candidates.score[chosen], kind="stable")])
    rest = Counter(FATES[code] for code in fates[candidates.found_by > 0].tolist() if code != CODE["chosen"])
    yield f"- others: {', '.join(f'{count} {name}' for name, count in sorted(rest.items())) or 'none'}"


def _negative(candidates: Candidates, corpus: Corpus, place: int) -> str:
    ranks = (("BM25", candidates.bm25_rank[place]), ("dense", candidates.dense_rank[place]))
    places = ", ".join(f"{name} {rank}" for name, rank in ranks if rank) or names_of_ways()[candidates.found_by[place]]
    return f"- negative {candidates.score[place]:.3f} ({places}) {_passage(corpus.passages[candidates.passage[place]])}"


def _passage(passage: Passage) -> str:
    return f"`{passage.id}` {_short(passage.text)}"


def _short(text: str, length: int = _CHARS) -> str:
    words = " ".join(text.split())
    return words if len(words) <= length else f"{words[:length]}…"
