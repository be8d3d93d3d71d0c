"""Texts as a model reads them: what its `preprocess` gives, straight from the tokenizer.

A judge meets the same passage with many queries, so a text of a pair that was cut into tokens lately isn't cut again. Where a
tokenizer's pairs are more than two texts put together (a chat template, say), or a model reads in a way of its own, the library
reads.
"""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from haechi.models.static_encoder import cut

if TYPE_CHECKING:
    import torch
    from sentence_transformers import CrossEncoder, SentenceTransformer
    from tokenizers import Encoding, Tokenizer

Features = dict[str, Any]
KEPT = 16_384
"""Texts of pairs that are remembered: some 15 kB each."""


class Reader:
    """Reads for one model."""

    def __init__(self, model: "SentenceTransformer | CrossEncoder") -> None:
        self._model = model
        self._plain: Tokenizer | None = None
        self._known: dict[str, Encoding] = {}

    def __call__(self, inputs: Sequence[Any], **options: Any) -> Features:
        """The features of texts, or of pairs of texts."""
        from sentence_transformers.sentence_transformer.modules import StaticEmbedding

        inputs = list(inputs)
        if not inputs:
            return {}
        if type(self._model[0]) is StaticEmbedding:
            return laid_end_to_end(self._model[0].tokenizer, inputs, options.get("prompt"))
        if not isinstance(inputs[0], tuple) or not hasattr(self._model.tokenizer, "backend_tokenizer"):
            return self._library(inputs, options)
        known = self._encodings(inputs)
        longest = max(inputs, key=lambda pair: len(known[pair[0]]) + len(known[pair[1]]))  # cut if any is
        some = [inputs[0], longest]
        wanted = self._library(some, options)
        alike = _same(wanted, self._pairs(some, wanted))
        return self._pairs(inputs, wanted) if alike else self._library(inputs, options)

    def _library(self, inputs: list[Any], options: dict[str, Any]) -> Features:
        features: Features = self._model.preprocess(inputs, **options)
        return features

    def _pairs(self, pairs: list[tuple[str, str]], like: Features) -> Features:
        """Pairs put together of texts that were read before; what is no tensor is taken over."""
        known, words = self._encodings(pairs), self._words()
        words.enable_truncation(self._limit(), direction=self._model.tokenizer.truncation_side)
        rows = [words.post_process(known[one], known[other]) for one, other in pairs]
        tokenizer = self._model.tokenizer
        made = {
            "input_ids": ([row.ids for row in rows], tokenizer.pad_token_id or 0),
            "token_type_ids": ([row.type_ids for row in rows], getattr(tokenizer, "pad_token_type_id", 0)),
            "attention_mask": ([[1] * len(row) for row in rows], 0),
        }
        left = tokenizer.padding_side == "left"
        tokens = {key: _padded(*made[key], left=left) for key in like if key in made}
        return {**{key: value for key, value in like.items() if not hasattr(value, "shape")}, **tokens}

    def _encodings(self, pairs: list[tuple[str, str]]) -> "dict[str, Encoding]":
        texts = dict.fromkeys(text for pair in pairs for text in pair)
        missing = [text for text in texts if text not in self._known]
        if len(self._known) + len(missing) > KEPT:
            self._known = {text: self._known[text] for text in texts if text in self._known}
        if missing:
            words = self._words()
            words.no_truncation()
            self._known.update(zip(missing, words.encode_batch_fast(missing, add_special_tokens=False), strict=True))
        return self._known

    def _words(self) -> "Tokenizer":
        """A copy of the tokenizer that pads nothing."""
        from tokenizers import Tokenizer

        if self._plain is None:
            whole = self._model.tokenizer.backend_tokenizer
            self._plain = Tokenizer.from_str(whole.to_str())
            self._plain.encode_special_tokens = whole.encode_special_tokens  # the one setting that its text leaves out
            self._plain.no_padding()
        return self._plain

    def _limit(self) -> int:
        return int(min(self._model.max_seq_length or 1 << 30, 1 << 30))


def laid_end_to_end(words: "Tokenizer", texts: list[str], prompt: str | None) -> Features:
    """What StaticEmbedding makes of texts, without the places of the pieces in the text, which nobody asks for."""
    import torch

    ids, ends = cut(words, [f"{prompt}{text}" for text in texts] if prompt else texts)
    return {"input_ids": torch.from_numpy(ids), "offsets": torch.from_numpy(ends[:-1])}


def _padded(rows: list[list[int]], fill: int, *, left: bool) -> "torch.Tensor":
    """As wide as the longest."""
    import torch

    width = max(map(len, rows))
    made = np.full((len(rows), width), fill, dtype=np.int64)
    for place, row in enumerate(rows):
        made[place, width - len(row) if left else 0 : width if left else len(row)] = row
    return torch.from_numpy(made)


def _same(one: Features, other: Features) -> bool:
    import torch

    return all(key in other and torch.equal(value, other[key]) for key, value in one.items() if isinstance(value, torch.Tensor))
