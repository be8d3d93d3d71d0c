"""A candidate for a negative, and the small filters that take candidates away: each counted by name."""

import functools
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from haechi.pairs.similar import grams, jaccard_below


@dataclass(frozen=True, slots=True)
class Candidate:
    """A passage that might serve as a negative of one query."""

    passage_id: str
    article_key: str
    found_by: str
    """bm25, dense, bm25+dense or structural."""
    score: float
    """Cosine under the base model."""


@dataclass(frozen=True, slots=True)
class Wanted:
    """What a query must not be set against."""

    positive_ids: frozenset[str]
    article_keys: frozenset[str]
    related_keys: frozenset[str]
    """Articles that the same decision cites anywhere."""
    lowest_positive: float
    """Cosine of the worst positive."""


Filter = Callable[[Candidate, Wanted], bool]
"""True where the candidate may stay."""


def not_positive(twins: dict[str, frozenset[str]]) -> Filter:
    """Neither a positive nor the same text under another id."""
    return lambda c, w: c.passage_id not in w.positive_ids and not (twins[c.passage_id] & w.positive_ids)


def other_article(c: Candidate, w: Wanted) -> bool:
    """Another part of a gold article answers too."""
    return c.article_key not in w.article_keys


def not_cocited(c: Candidate, w: Wanted) -> bool:
    """The court leaned on it in the same decision: too close to be called wrong."""
    return c.article_key not in w.related_keys


def not_reserved(reserved: frozenset[str]) -> Filter:
    """Reserved articles stay out of training altogether."""
    return lambda c, w: c.article_key not in reserved


def below_margin(margin: float) -> Filter:
    """Scores clearly below the worst positive; where a positive scores 0 or less, nothing can be told and all stay."""
    return lambda c, w: w.lowest_positive <= 0 or c.score < margin * w.lowest_positive


def not_near_duplicate(texts: dict[str, str], threshold: float) -> Filter:
    """Not nearly the same words as a positive."""
    grams_of = functools.cache(lambda passage_id: grams(texts[passage_id]))  # a passage is a candidate of many queries

    def check(c: Candidate, w: Wanted) -> bool:
        mine = grams_of(c.passage_id)
        return all(jaccard_below(mine, grams_of(id), threshold) for id in w.positive_ids)

    return check


def sieve(
    candidates: Sequence[Candidate], wanted: Wanted, filters: Sequence[tuple[str, Filter]]
) -> tuple[list[Candidate], list[str]]:
    """The candidates that pass, and for each other one the name of the filter that took it."""
    kept, reasons = [], []
    for candidate in candidates:
        reason = next((name for name, keep in filters if not keep(candidate, wanted)), "")
        if reason:
            reasons.append(reason)
        else:
            kept.append(candidate)
    return kept, reasons


def merge(found: Sequence[Candidate]) -> list[Candidate]:
    """One candidate a passage, which remembers all ways it was found."""
    by_id: dict[str, Candidate] = {}
    for candidate in found:
        before = by_id.get(candidate.passage_id)
        by_id[candidate.passage_id] = replace(before, found_by=f"{before.found_by}+{candidate.found_by}") if before else candidate
    return list(by_id.values())
