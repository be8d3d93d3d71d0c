"""Parameters of the merge_corpus stage."""

from dataclasses import dataclass


@dataclass(frozen=True)
class MergeCorpusParams:
    """What the corpus holds beside laws, rules and documents."""

    precedents: bool
    """Whether precedent passages join the corpus."""
    fallback: bool
    """Whether the passages of fallback pairs join the corpus."""
