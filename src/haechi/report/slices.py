"""Slices of the test queries with an interval for each: where the tuned model is better, and where worse."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from haechi.records.result import QueryResult
from haechi.scoring.facets import slices as places_of
from haechi.scoring.names import BASE, BM25, HEADLINE, TUNED
from haechi.scoring.score_queries import values
from haechi.scoring.significance import Resampler

DRAWS, SEED = 2000, 7


@dataclass(frozen=True)
class Slice:
    """A kind of query and how it went."""

    name: str
    n: int
    means: Mapping[str, float]
    """System -> mean of the headline metric."""
    low: float
    """The tuned model's interval."""
    high: float
    gap_low: float
    """The interval of tuned less untuned; 0 and 0 where there is no untuned model."""
    gap_high: float
    bm25_low: float
    """The interval of tuned less BM25; 0 and 0 where BM25 wasn't scored."""
    bm25_high: float


def sliced(rows: Sequence[QueryResult], confidence: float) -> list[Slice]:
    """Every slice: named ones, then facets, bins by their lower bound; none that holds the whole headline."""
    rows = [row for row in rows if TUNED in row.ranks]
    if not rows:
        return []
    systems = sorted(set.intersection(*(set(row.ranks) for row in rows)))
    scored = values(rows, systems, (10,))[HEADLINE]
    column = {system: place for place, system in enumerate(systems)}
    others = [column.get(system, column[TUNED]) for system in (BASE, BM25)]
    headline = [place for place, row in enumerate(rows) if row.headline]
    results = []
    for name, places in sorted(places_of(rows).items(), key=lambda item: _order(item[0])):
        if places == headline:
            continue
        part = scored[places]
        groups = [rows[place].group for place in places]
        tuned = part[:, [column[TUNED]]]
        bounds = Resampler(groups, DRAWS, confidence, SEED).intervals(np.hstack([tuned, tuned - part[:, others]]))
        ends = [round(float(end), 6) for one in bounds for end in (one.low, one.high)]
        means = {system: round(float(part[:, place].mean()), 6) for system, place in column.items()}
        results.append(Slice(name, len(places), means, *ends))
    return results


def _order(name: str) -> tuple[bool, str, int, str]:
    facet, slash, value = name.partition("/")
    number = re.match(r"\d+", value)
    return bool(slash), facet, int(number[0]) if number else 0, value
