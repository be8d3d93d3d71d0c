"""Where evaluation gets tokens and vectors: the one place to change when they come from elsewhere."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from haechi.retrieval.dense import Vectors, encode_passages, encode_queries
from haechi.tokens import tokenize

if TYPE_CHECKING:
    from sentence_transformers import SentenceTransformer


@dataclass(frozen=True)
class Source:
    """Texts to tokens, and a model's vectors of queries and passages."""

    tokens: Callable[[Sequence[str]], list[list[str]]] = tokenize
    queries: Callable[["SentenceTransformer", Sequence[str]], Vectors] = encode_queries
    passages: Callable[["SentenceTransformer", Sequence[str]], Vectors] = encode_passages
