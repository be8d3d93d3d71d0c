"""Parameters of the mine stage."""

from dataclasses import dataclass

from haechi.params.types import Count, Positive, PositiveFloat


@dataclass(frozen=True)
class MineParams:
    """How negatives are found and checked. Nothing is drawn, so there is no seed."""

    bm25_top: Count
    """BM25 candidates of a query."""
    dense_top: Count
    """Candidates of the base model."""
    negatives: Positive
    """Negatives kept for an example, hardest first."""
    margin: PositiveFloat
    """A candidate stays only if its dense score is below margin x the lowest positive score."""
    near_duplicate: PositiveFloat
    """Candidates with at least this character 5-gram Jaccard to a positive are dropped."""
    max_uses: Positive
    """Most examples that one passage serves as a negative."""
    questions: bool
    """Whether synthetic questions are mined beside pairs."""
