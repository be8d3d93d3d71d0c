"""Where evaluation gets tokens and vectors: `haechi.retrieval.stored.Stored` offers these three methods."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Protocol

from haechi.retrieval.dense import Vectors

if TYPE_CHECKING:
    from sentence_transformers import SentenceTransformer


class Source(Protocol):
    """Texts to tokens, and a model's unit vectors of queries and passages."""

    def tokens(self, texts: Sequence[str]) -> list[list[str]]:
        """Content morphemes of each text."""

    def queries(self, model: "SentenceTransformer", texts: Sequence[str]) -> Vectors:
        """Unit vectors of queries.  # (texts, dim)"""

    def passages(self, model: "SentenceTransformer", texts: Sequence[str]) -> Vectors:
        """Unit vectors of passages.  # (texts, dim)"""
