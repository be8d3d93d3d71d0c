"""The small filters that take candidates away, and what applies them and counts what each of them took.

A filter gets the candidates that are still there and says which may stay. Their order decides which one gets the blame:
what is known (positives, citations, equal words) comes before what is guessed from scores.
"""

from collections.abc import Callable, Sequence

import numpy as np
import numpy.typing as npt

from haechi.mining.candidates import Candidates, Flags, Floats, Ints
from haechi.mining.relevance import Relevant

Filter = Callable[[Candidates], Flags]
"""True where the candidate may stay."""
Fates = npt.NDArray[np.uint8]
"""0 while a candidate is in the race, else the place of its fate in FATES."""

KNOWLEDGE = ("positive", "twin", "reserved", "same_article", "other_version", "cocited", "together", "near_duplicate")
SCORES = ("unseen", "skipped", "above_margin")
FATES = ("", *KNOWLEDGE, *SCORES, "overused", "spare", "chosen", "promoted")
CODE = {name: code for code, name in enumerate(FATES)}


def by_relevance(relevant: Relevant) -> list[tuple[str, Filter]]:
    """Filters by what is known, whatever a model thinks."""
    return [
        ("positive", lambda c: ~relevant.positives.has(c.query, c.passage)),
        # the same words under another id
        ("twin", lambda c: ~relevant.duplicates.has(c.query, c.passage)),
        # reserved articles stay out of training altogether
        ("reserved", lambda c: ~relevant.reserved[c.passage]),
        # another part of a gold article answers too
        ("same_article", lambda c: ~relevant.gold.has(c.query, relevant.article[c.passage])),
        # the same article of the same law, as it was before or will be
        ("other_version", lambda c: ~relevant.versions.has(c.query, relevant.provision[c.passage])),
        # the court leaned on it in the same decision: too close to be called wrong
        ("cocited", lambda c: ~relevant.cocited.has(c.query, relevant.article[c.passage])),
        # other courts leaned on both
        ("together", lambda c: ~relevant.cocited_elsewhere.has(c.query, relevant.article[c.passage])),
        # nearly the words of a positive
        ("near_duplicate", lambda c: ~relevant.near_duplicates.has(c.query, c.passage)),
    ]


def by_score(lowest: Floats, margin: float, absolute_margin: float, skip_top: int) -> list[tuple[str, Filter]]:
    """Filters by scores; `lowest` is the score of each query's worst positive."""
    return [
        # the reranker stopped before it
        ("unseen", lambda c: ~np.isnan(c.score)),
        # the likeliest to be right
        ("skipped", below_ranks(skip_top)),
        ("above_margin", below_margin(lowest, margin, absolute_margin)),
    ]


def below_ranks(skip_top: int) -> Filter:
    """Not among the first few of either list; a list that lacks a candidate says nothing of it."""
    return lambda c: ~(_among(c.bm25_rank, skip_top) | _among(c.dense_rank, skip_top))


def below_margin(lowest: Floats, margin: float, absolute_margin: float) -> Filter:
    """Scores clearly below the worst positive, by share and by distance.

    Where a positive scores 0 or less the share tells nothing, and only the distance counts.
    """
    share = np.where(lowest > 0, margin * lowest, np.inf)
    distance = lowest - absolute_margin if absolute_margin else np.full_like(lowest, np.inf)
    bar = np.minimum(share, distance)

    def keep(c: Candidates) -> Flags:
        below: Flags = c.score < bar[c.query]
        return below

    return keep


def rank_in_query(c: Candidates) -> Ints:
    """The place of each candidate among those of its query, the best score first, from 0."""
    order = np.lexsort((c.passage, -c.score.astype(np.float64), c.query))
    places = np.empty(len(c), dtype=np.int64)
    starts = np.searchsorted(c.query[order], c.query[order], "left")
    places[order] = np.arange(len(c)) - starts
    return places


def _among(rank: npt.NDArray[np.uint16], first: int) -> Flags:
    among: Flags = (rank > 0) & (rank <= first)
    return among


def apply_filters(candidates: Candidates, fates: Fates, filters: Sequence[tuple[str, Filter]]) -> Fates:
    """The fates after these filters, one after the other on what is left."""
    fates = fates.copy()
    for name, keep in filters:
        racing = np.flatnonzero(fates == 0)
        fates[racing[~keep(candidates.take(racing))]] = CODE[name]
    return fates
