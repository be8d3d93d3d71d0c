"""The chosen model's validation, query by query: what a later ranking of runs needs, small enough for git."""

from collections.abc import Mapping, Sequence

import numpy as np

from haechi.evaluation.metrics import Placed, score
from haechi.evaluation.significance import Array
from haechi.records.validated import ValidatedQuery
from haechi.training.validation import Validation

K_VALUES = (1, 10, 100)
"""Cut-offs of the metrics that models may be ranked by."""


def results_of(places: Mapping[str, Placed], validation: Validation) -> list[ValidatedQuery]:
    """A model's places as rows."""
    return [ValidatedQuery(id, validation.groups[id], place.n_gold, place.ranks) for id, place in places.items()]


def metrics_of(rows: Sequence[ValidatedQuery], k_values: Sequence[int]) -> dict[str, Array]:
    """Every metric, query by query, by the same code that scored them first."""
    scored = list(score({row.query_id: Placed(row.ranks, row.n_gold) for row in rows}, k_values).values())
    return {metric: np.array([one[metric] for one in scored]) for metric in scored[0]}
