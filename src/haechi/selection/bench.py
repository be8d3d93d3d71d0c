"""Where candidates are scored: each as the folder that would be deployed, on the same validation queries."""

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from haechi.evaluation.metrics import Placed, score
from haechi.evaluation.significance import Array
from haechi.models.load import load_encoder
from haechi.training.validation import Validation

if TYPE_CHECKING:
    from sentence_transformers import SentenceTransformer

MOST = 1 << 24
"""Numbers of tokens that are remembered, 128 MB; longer corpora are cut into tokens again for every candidate."""


class Bench:
    """Scores model folders, one model in memory at a time, and remembers every score.

    Candidates of one vocabulary cut texts alike, so texts are cut once: that is half of the work of a static model.
    """

    def __init__(self, validation: Validation) -> None:
        self.validation = validation
        self.places: dict[str, Mapping[str, Placed]] = {}
        self._values: dict[str, dict[str, Array]] = {}
        self._tokens: dict[str, dict[tuple[str, ...], dict[str, Any]]] = {}
        self._room = MOST

    def score(self, name: str, folder: Path, metric: str) -> float:
        """The mean of a metric for the model in the folder."""
        if name not in self.places:
            model = load_encoder(folder)
            self._remember_tokens(model)
            self.places[name] = self.validation.places(model)
        return float(self.column(name, metric).mean())

    def column(self, name: str, metric: str) -> Array:
        """What a model that was scored got for each query."""
        return self.metrics(name)[metric]

    def metrics(self, name: str) -> dict[str, Array]:
        """Every metric of a model that was scored, query by query."""
        if name not in self._values:
            rows = list(score(self.places[name], self.validation.k_values).values())
            self._values[name] = {metric: np.array([row[metric] for row in rows]) for metric in rows[0]}
        return self._values[name]

    @property
    def groups(self) -> list[str]:
        """The group of each query, in the order of the columns."""
        return list(self.validation.groups.values())

    def _remember_tokens(self, model: "SentenceTransformer") -> None:
        """Only where cutting is a large part of the work."""
        from sentence_transformers.sentence_transformer.modules import StaticEmbedding

        first = model[0]
        if not isinstance(first, StaticEmbedding):
            return
        cut = first.preprocess
        known = self._tokens.setdefault(first.tokenizer.to_str(), {})

        def preprocess(inputs: list[str], **options: Any) -> dict[str, Any]:
            key = (*inputs, repr(sorted(options.items())))
            if key not in known:
                made = cut(inputs, **options)
                self._room -= made["input_ids"].numel()
                if self._room < 0:
                    return made
                known[key] = made
            return dict(known[key])

        first.preprocess = preprocess  # type: ignore[method-assign, assignment]
