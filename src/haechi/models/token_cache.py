"""Tokens of texts that models read again and again, such as those of validation: cutting them is half of a static model's work.

Models of one vocabulary cut texts alike, so they share what is remembered.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from haechi.models.tokenize import Reader

if TYPE_CHECKING:
    from sentence_transformers import SentenceTransformer

MOST = 1 << 24
"""Numbers that are remembered, 128 MB; what doesn't fit is cut into tokens again each time."""


class TokenCache:
    """What texts were cut into, batch by batch, for each way of cutting."""

    def __init__(self) -> None:
        self._tokens: dict[tuple[str, str], dict[tuple[str, ...], dict[str, Any]]] = {}
        self._room = MOST

    @contextmanager
    def of(self, model: "SentenceTransformer") -> Iterator[None]:
        """Within it, a static model takes from here what was cut before; of others cutting is a small part of the work."""
        from sentence_transformers.sentence_transformer.modules import StaticEmbedding

        first = model[0]
        if not isinstance(first, StaticEmbedding):
            yield
            return
        read: Callable[..., dict[str, Any]] = Reader(model) if type(first) is StaticEmbedding else first.preprocess
        known = self._tokens.setdefault((first.tokenizer.to_str(), getattr(first, "reading", "")), {})

        def preprocess(inputs: list[str], **options: Any) -> dict[str, Any]:
            key = (*inputs, repr(sorted(options.items())))
            if key not in known:
                made = read(inputs, **options)
                size = made["input_ids"].numel()
                if size > self._room:
                    return made
                self._room -= size
                known[key] = made
            return dict(known[key])

        model.preprocess = preprocess  # type: ignore[method-assign, assignment]  # the model's, which asks each text whether it is one
        try:
            yield
        finally:
            del model.preprocess  # it holds the model, which holds it
