"""What the chosen model did with one validation query: a row of metrics/per_query_valid.json."""

from dataclasses import dataclass

from haechi.records.pair import Slice


@dataclass(frozen=True, slots=True)
class ValidatedQuery:
    """Where the model found the gold of a query; every metric follows from this."""

    query_id: str
    group: str
    """Queries of one group resemble each other: they are resampled together."""
    n_gold: int
    ranks: tuple[int, ...]
    """Ranks, from 1, at which gold was found."""
    slice: Slice = "seen"
    """Whether training names what answers it."""
