"""What came out for one test query: a row of metrics/per_query.json."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class QueryResult:
    """Where each system found the gold of a query, and what kind of query it is; every metric follows from this."""

    query_id: str
    suite: str
    group: str
    """Queries of one group resemble each other: they are resampled together."""
    headline: bool
    """Counts towards the primary figures."""
    gold: tuple[str, ...]
    """Gold articles as they were judged: articles that say the same have one name."""
    facets: dict[str, tuple[str, ...]]
    """Facet -> values, such as law, year, query_length."""
    ranks: dict[str, tuple[int, ...]]
    """System -> ranks, from 1, at which gold was found."""
    top: dict[str, tuple[str, ...]]
    """System -> the first articles of its list."""
    failure: tuple[str, ...] = ()
    """Why the tuned model found no gold among its first ten; empty where it did."""
