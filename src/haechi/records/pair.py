"""A pair: a query with the passages that answer it."""

from dataclasses import dataclass
from typing import Literal

PairType = Literal["precedent", "holding", "title", "definition", "user", "fallback", "synthetic"]
Slice = Literal["seen", "unseen_article", "unseen_law", "user"]
"""What training knows of the answers of a validation query: named by other rows, kept out, or of a law that is kept out. `user`:
asked in a user's own words, whatever training knows of its answers."""


@dataclass(frozen=True, slots=True)
class PairMeta:
    """Where a pair comes from, and what it must be kept apart from."""

    type: PairType
    source_id: str
    """The decision, article or query file that it was made from."""
    group: str
    """Pairs of one group never straddle a split: case numbers and duplicate texts join them."""
    date: str
    article_keys: tuple[str, ...]
    """The gold articles of the positives."""
    cocited: tuple[str, ...]
    """Every article that the same decision cites anywhere: none of them is a safe negative."""
    names_positive: bool
    """The query itself names an article that answers it."""
    slice: Slice = "seen"
    """Of a validation query: what training knows of it."""


@dataclass(frozen=True, slots=True)
class Pair:
    """A query, its positives, and structural negatives (siblings that were not cited)."""

    query_id: str
    query_text: str
    positive_passages: tuple[str, ...]
    hard_negatives: tuple[str, ...]
    meta: PairMeta
