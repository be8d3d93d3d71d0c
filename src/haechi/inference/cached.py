"""Tokens and vectors for whoever searches: from the row store, and into it."""

from collections.abc import Sequence
from dataclasses import dataclass

from haechi.inference.cached_encoder import Encoder
from haechi.inference.cached_tokens import Tokens
from haechi.inference.fixed_shapes import Precision
from haechi.models.load import AnyEncoder
from haechi.retrieval.dense import Vectors
from haechi.rowstore.store import Store


@dataclass(frozen=True)
class Stored:
    """What `tokenize`, `encode_queries` and `encode_passages` give, each made once."""

    store: Store
    precision: Precision = "fp32"
    words: tuple[str, ...] = ()

    def tokens(self, texts: Sequence[str]) -> list[list[str]]:
        """Content morphemes of each text."""
        return Tokens(self.store, self.words).of(texts)

    def queries(self, model: AnyEncoder, texts: Sequence[str]) -> Vectors:
        """Unit vectors of queries; the model is named anew at each call, so one that was trained meanwhile is another."""
        return Encoder(model, self.store, self.precision).queries(texts)

    def passages(self, model: AnyEncoder, texts: Sequence[str]) -> Vectors:
        """Unit vectors of passages."""
        return Encoder(model, self.store, self.precision).passages(texts)
