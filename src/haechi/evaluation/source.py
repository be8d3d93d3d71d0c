"""Where evaluation gets tokens and vectors: `Plain` makes them anew; whoever keeps them offers the same three methods."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Protocol

from haechi.retrieval.dense import Vectors, encode_passages, encode_queries
from haechi.tokens import tokenize

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


class Plain:
    """Everything made when it is asked for."""

    def tokens(self, texts: Sequence[str]) -> list[list[str]]:
        """Content morphemes of each text."""
        return tokenize(texts)

    def queries(self, model: "SentenceTransformer", texts: Sequence[str]) -> Vectors:
        """Unit vectors of queries."""
        return encode_queries(model, texts)

    def passages(self, model: "SentenceTransformer", texts: Sequence[str]) -> Vectors:
        """Unit vectors of passages."""
        return encode_passages(model, texts)
