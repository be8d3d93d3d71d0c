"""A training example: FlagEmbedding's fields, plus what an auditor needs."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class MinedExample:
    """A query with texts, ids and scores of its positives and negatives.

    `pos`/`neg` align with `pos_ids`/`neg_ids` and `pos_scores`/`neg_scores`; `neg_reasons` says how each negative was found.
    `related` lists passages that may answer the query too: never negatives, masked inside a batch.
    """

    query: str
    pos: tuple[str, ...]
    neg: tuple[str, ...]
    pos_scores: tuple[float, ...]
    neg_scores: tuple[float, ...]
    query_id: str
    pos_ids: tuple[str, ...]
    neg_ids: tuple[str, ...]
    neg_reasons: tuple[str, ...]
    related: tuple[str, ...]
    source: str
    """pair types (precedent, title, ...) or `question`."""
