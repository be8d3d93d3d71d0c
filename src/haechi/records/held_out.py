"""What the test set keeps away from training."""

from dataclasses import dataclass


@dataclass(frozen=True)
class HeldOut:
    """What training must not touch, as the test set's manifest says."""

    first_date: str
    cutoff: str
    articles: frozenset[str]
    sources: frozenset[str]
    keys: frozenset[str]
    gold: frozenset[str]
    query_texts: tuple[str, ...]
    near_duplicate: float
