"""Where candidates are scored: each as the folder that would be deployed, on the same validation queries."""

from collections.abc import Mapping
from pathlib import Path

import numpy as np

from haechi.models.load import LIGHT, open_encoder
from haechi.records.pair import Slice
from haechi.scoring.metrics import GoldRanks, score
from haechi.scoring.names import HEADLINE
from haechi.scoring.significance import Array
from haechi.scoring.validation import Validation, by_slice


class ModelScorer:
    """Scores model folders, one model in memory at a time, and remembers every score."""

    def __init__(self, validation: Validation) -> None:
        self.validation = validation
        self.places: dict[str, Mapping[str, GoldRanks]] = {}
        self._weights = np.array(list(validation.weights.values()))
        self._values: dict[str, dict[str, Array]] = {}

    def score(self, name: str, folder: Path, metric: str) -> float:
        """The mean of a metric for the model in the folder."""
        if name not in self.places:
            model = open_encoder(folder)
            self.places[name] = self.validation.places(model)
            if not isinstance(model, LIGHT):
                # the library's model and its card hold each other, so weights would wait for the garbage collector
                model.model_card_data.model = None
        return float(self.column(name, metric).mean())

    def column(self, name: str, metric: str) -> Array:
        """What a model that was scored got for each query, times what the query counts: their mean is the figure."""
        return np.asarray(self.metrics(name)[metric] * self._weights, dtype=np.float64)

    def metrics(self, name: str) -> dict[str, Array]:
        """Every metric of a model that was scored, query by query."""
        if name not in self._values:
            rows = list(score(self.places[name], self.validation.k_values).values())
            self._values[name] = {metric: np.array([row[metric] for row in rows]) for metric in rows[0]}
        return self._values[name]

    def slices(self, name: str) -> dict[Slice, float]:
        """The mean ndcg@10 of each slice; empty where there is only one."""
        values = self.metrics(name)[HEADLINE].tolist()
        return by_slice(self.validation.slices, dict(zip(self.validation.slices, values, strict=True)))

    @property
    def groups(self) -> list[str]:
        """The group of each query, in the order of the columns."""
        return list(self.validation.groups.values())
