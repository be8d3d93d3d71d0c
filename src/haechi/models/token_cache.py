"""Tokens of texts that models read again and again, such as those of validation: cutting them is half of a static model's work.

Models of one vocabulary cut texts alike, so they share what is remembered.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

from tokenizers import Tokenizer

from haechi.models.bert_encoder import BertEncoder
from haechi.models.load import AnyEncoder
from haechi.models.static_encoder import StaticEncoder
from haechi.models.tokenize import Reader

MOST = 1 << 24
"""Numbers that are remembered, 128 MB; what doesn't fit is cut into tokens again each time."""


class TokenCache:
    """What texts were cut into, batch by batch, for each way of cutting."""

    def __init__(self) -> None:
        self._tokens: dict[tuple[str, str], dict[tuple[str, ...], Any]] = {}
        self._room = MOST

    @contextmanager
    def of(self, model: AnyEncoder) -> Iterator[AnyEncoder]:
        """The model, which takes from here what was cut before if it is static; of others cutting is a small part of the work."""
        if isinstance(model, StaticEncoder):
            known, cut = self._tokens.setdefault((model.tokenizer.to_str(), "numbers"), {}), model.cut

            def remembered(words: Tokenizer, texts: list[str]) -> Any:
                return self._through(known, tuple(texts), lambda: cut(words, texts), lambda made: int(made[0].size))

            yield replace(model, cut=remembered)
            return
        if isinstance(model, BertEncoder):
            yield model
            return
        from sentence_transformers.sentence_transformer.modules import StaticEmbedding

        first = model[0]
        if not isinstance(first, StaticEmbedding):
            yield model
            return
        read: Callable[..., dict[str, Any]] = Reader(model) if type(first) is StaticEmbedding else first.preprocess
        features = self._tokens.setdefault((first.tokenizer.to_str(), getattr(first, "reading", "")), {})

        def preprocess(inputs: list[str], **options: Any) -> dict[str, Any]:
            key = (*inputs, repr(sorted(options.items())))
            return dict(
                self._through(features, key, lambda: read(inputs, **options), lambda made: int(made["input_ids"].numel()))
            )

        model.preprocess = preprocess  # type: ignore[method-assign, assignment]  # the model's, which asks each text whether it is one
        try:
            yield model
        finally:
            del model.preprocess  # it holds the model, which holds it

    def _through(self, known: dict[Any, Any], key: Any, make: Callable[[], Any], size: Callable[[Any], int]) -> Any:
        """What is known of a batch, or is made now and remembered if there is room."""
        if key in known:
            return known[key]
        made = make()
        if (needed := size(made)) <= self._room:
            self._room -= needed
            known[key] = made
        return made
