"""Slices of the test queries with an interval for each: where the tuned model is better, and where worse."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from haechi.records.result import QueryResult
from haechi.scoring.facets import slices as places_of
from haechi.scoring.names import BASE, BM25, HEADLINE, HYBRID, TUNED
from haechi.scoring.score_queries import values
from haechi.scoring.significance import Resampler
from haechi.text.bilingual import Words

DRAWS, SEED = 2000, 7
ENOUGH, MUCH = 50, 0.01
"""Queries of a slice, and how far below the best single system of it the hybrid must be, to be marked."""


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
    hybrid_low: float = 0.0
    """The interval of hybrid less tuned; 0 and 0 where there is no hybrid."""
    hybrid_high: float = 0.0

    @property
    def over_best(self) -> float | None:
        """The hybrid less the best of BM25, base and tuned model; None where it was not scored."""
        single = max(self.means[system] for system in (BASE, BM25, TUNED) if system in self.means)
        return self.means[HYBRID] - single if HYBRID in self.means else None

    @property
    def hybrid_behind(self) -> bool:
        """Whether the hybrid falls behind the best single system where there are queries enough to say so."""
        return self.n >= ENOUGH and (self.over_best or 0.0) < -MUCH


def sliced(rows: Sequence[QueryResult], confidence: float) -> list[Slice]:
    """Every slice: named ones, then facets, bins by their lower bound; none that holds the whole headline."""
    rows = [row for row in rows if TUNED in row.ranks]
    if not rows:
        return []
    systems = sorted(set.intersection(*(set(row.ranks) for row in rows)))
    scored = values(rows, systems, (10,))[HEADLINE]
    column = {system: place for place, system in enumerate(systems)}
    pairs = ((TUNED, BASE), (TUNED, BM25), (HYBRID, TUNED))
    first, second = ([column.get(pair[side], column[TUNED]) for pair in pairs] for side in (0, 1))
    headline = [place for place, row in enumerate(rows) if row.headline]
    results = []
    for name, places in sorted(places_of(rows).items(), key=lambda item: _order(item[0])):
        if places == headline:
            continue
        part = scored[places]
        groups = [rows[place].group for place in places]
        told = np.hstack([part[:, [column[TUNED]]], part[:, first] - part[:, second]])
        bounds = Resampler(groups, DRAWS, confidence, SEED).intervals(told)
        ends = [round(float(end), 6) for one in bounds for end in (one.low, one.high)]
        means = {system: round(float(part[:, place].mean()), 6) for system, place in column.items()}
        results.append(Slice(name, len(places), means, *ends))
    return results


def hybrid_told(slices: Sequence[Slice]) -> Words | None:
    """On how many slices of enough queries the hybrid falls behind the best single system; None where it was not scored."""
    enough = [one for one in slices if one.n >= ENOUGH]
    if not enough or any(one.over_best is None for one in enough):
        return None
    behind = sum(one.hybrid_behind for one in enough)
    number, mark = (behind, Words(" (marked !)", "(! 표시)")) if behind else ("none", Words("", ""))
    return Words(
        f"Of the {len(enough)} kinds with {ENOUGH} questions or more, the hybrid is below the best of BM25, untuned and tuned "
        f"model by more than {MUCH:g} on {number}{mark.en}.",
        f"질의가 {ENOUGH}개 이상인 유형 {len(enough)}개 가운데 하이브리드가 BM25, 기본 모델, 학습한 모델 중 최고보다 {MUCH:g} "
        f"넘게 낮은 유형은 {behind}개입니다{mark.ko}.",
    )


def _order(name: str) -> tuple[bool, str, int, str]:
    facet, slash, value = name.partition("/")
    number = re.match(r"\d+", value)
    return bool(slash), facet, int(number[0]) if number else 0, value
