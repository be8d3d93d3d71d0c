"""The training form of a static model whose pieces are sums of features: the features learn, and what is saved is folded.

Texts come in as features, each as often as it stands in them; their weighted sum has the direction of the folded table's mean
of pieces, and a cosine sees no more than that.
"""

import copy
import hashlib
from pathlib import Path
from typing import Any

import numpy as np
import torch
from sentence_transformers import SentenceTransformer
from sentence_transformers.sentence_transformer.modules import StaticEmbedding
from tokenizers import Tokenizer
from torch import Tensor
from torch.nn.functional import embedding_bag

from haechi.models.load import load_encoder
from haechi.models.tokenize import laid_end_to_end
from haechi.static_model.composition import Composition, fold, load_composition


class Composed(StaticEmbedding):
    """A static embedding of features behind a tokenizer of pieces."""

    def __init__(self, tokenizer: Tokenizer, composition: Composition) -> None:
        super().__init__(tokenizer, embedding_weights=composition.vectors.copy())
        self._starts, self._features = composition.starts, composition.features
        self.register_buffer("weights", torch.from_numpy(composition.weights), persistent=False)

    @property
    def reading(self) -> str:
        """Names the features that it reads pieces as."""
        return hashlib.sha256(self._starts.tobytes() + self._features.tobytes()).hexdigest()

    def preprocess(self, inputs: Any, prompt: str | None = None, **kwargs: Any) -> dict[str, Tensor]:
        """Features in place of pieces."""
        made = laid_end_to_end(self.tokenizer, inputs, prompt)
        pieces, first = made["input_ids"].numpy(), made["offsets"].numpy()
        begin, lengths = self._starts[pieces], np.diff(self._starts)[pieces]
        ends = np.cumsum(lengths)
        places = np.arange(int(lengths.sum())) + np.repeat(begin - (ends - lengths), lengths)
        offsets = np.concatenate([[0], ends])[first]
        return {"input_ids": torch.from_numpy(self._features[places]), "offsets": torch.from_numpy(offsets)}

    def forward(self, features: dict[str, Tensor], **kwargs: Any) -> dict[str, Tensor]:
        """The weighted sum of the features."""
        ids, weights = features["input_ids"], self.get_buffer("weights")
        features["sentence_embedding"] = embedding_bag(
            ids, self.embedding.weight, features["offsets"], mode="sum", per_sample_weights=weights[ids]
        )
        return features

    def folded(self) -> StaticEmbedding:
        """What others load: a plain table of pieces, with the vectors as they are now."""
        vectors = self.embedding.weight.detach().float().cpu().numpy()
        weights = self.get_buffer("weights").cpu().numpy()
        return StaticEmbedding(self.tokenizer, embedding_weights=fold(self._starts, self._features, weights, vectors))


def load_learner(base: Path) -> SentenceTransformer:
    """The model of a base folder in the form in which it learns."""
    model = load_encoder(base)
    composition = load_composition(base)
    return learner(model, composition) if composition else model


def learner(model: SentenceTransformer, composition: Composition) -> SentenceTransformer:
    """The same model with features that learn in place of its table."""
    table: Any = model[0]
    made = with_first(model, Composed(table.tokenizer, composition)).to(model.device)
    made.model_card_data.model = made  # it would hold the folded table all along
    return made


def with_first(model: SentenceTransformer, first: torch.nn.Module) -> SentenceTransformer:
    """The same model with another first module; nothing is copied."""
    other = copy.copy(model)
    other._modules = {**model._modules, "0": first}
    return other


def plain(model: SentenceTransformer) -> SentenceTransformer:
    """The model as others know it: folded where it is composed, itself where it isn't."""
    return with_first(model, model[0].folded()) if isinstance(model[0], Composed) else model
