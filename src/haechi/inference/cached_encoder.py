"""Vectors through the row store, under the name of everything that decides them: two models never share one."""

from collections.abc import Sequence

import numpy as np

from haechi.inference import fixed_shapes
from haechi.inference.fixed_shapes import Precision
from haechi.inference.model_key import model_key
from haechi.models.bert_encoder import BertEncoder
from haechi.models.load import LIGHT, AnyEncoder
from haechi.models.static_encoder import static_of
from haechi.retrieval.dense import Task, Vectors, encode, unit
from haechi.rowstore.encoding import Keys
from haechi.rowstore.namespaces import EMBEDDINGS
from haechi.rowstore.store import Store
from haechi.runtime.errors import HaechiError

SLAB = 16_384  # texts looked up at once
MADE = 2_048  # texts encoded and written at once


class Encoder:
    """A model whose vectors come from the row store; only texts that it never saw go through the model."""

    def __init__(self, model: AnyEncoder, store: Store, precision: Precision = "fp32") -> None:
        if isinstance(model, BertEncoder) and precision != "fp32":
            raise HaechiError(
                f"dense: a model that numpy computes gives fp32 alone, not {precision}; open it with that precision"
            )
        self._model = model if isinstance(model, LIGHT) else static_of(model) or model
        self._store, self._precision = store, precision
        self._identity = model_key(self._model, precision)
        self._keys = Keys(self._identity)

    def queries(self, texts: Sequence[str]) -> Vectors:
        """Unit vectors of queries, with the model's own query prompt.  # (texts, dim)"""
        return self._vectors(texts, "query")

    def passages(self, texts: Sequence[str]) -> Vectors:
        """Unit vectors of passages, with the model's own passage prompt.  # (texts, dim)"""
        return self._vectors(texts, "document")

    def _vectors(self, texts: Sequence[str], task: Task) -> Vectors:
        width = self._model.get_embedding_dimension() or 0
        order = self._order(texts)
        found = np.zeros((len(texts), width), dtype=np.float32)
        for start in range(0, len(order), SLAB):
            places = order[start : start + SLAB]
            rows = self._slab([texts[place] for place in places], task)
            if wrong := next((len(row) for row in rows if len(row) != width), 0):
                raise HaechiError(
                    f"dense: the row store holds a vector of {wrong} numbers where this model gives {width}; "
                    "`haechi rows verify` looks for damage"
                )
            found[places] = rows
        return unit(found)

    def _slab(self, texts: list[str], task: Task) -> list[Vectors]:
        prompt = _prompt(self._model, task)

        def made(missing: list[int]) -> list[Vectors]:
            some = [texts[place] for place in missing]
            if isinstance(self._model, LIGHT):
                return list(encode(self._model, some, task))
            vectors = fixed_shapes.run(self._model, some, "sentence_embedding", self._precision, prompt, task)
            return list(unit(vectors[:, : self._model.truncate_dim]))

        keys = [self._keys.of(text=text, task=task, prompt=prompt) for text in texts]
        return self._store.through(EMBEDDINGS, keys, made, MADE, self._identity)

    def _order(self, texts: Sequence[str]) -> list[int]:
        """Alike in length, alike in shape; models without torch pad nothing, and neighbours in a corpus share words."""
        if isinstance(self._model, LIGHT):
            return list(range(len(texts)))
        return sorted(range(len(texts)), key=lambda place: (len(texts[place]), texts[place]))


def _prompt(model: AnyEncoder, task: Task) -> str:
    """What encode_query and encode_document put before a text."""
    names = ("query",) if task == "query" else ("document", "passage", "corpus")
    prompts = model.prompts
    name = next((name for name in names if name in prompts), None)
    if name is None and not isinstance(model, LIGHT):
        name = model.default_prompt_name
    return str(prompts[name]) if name else ""
