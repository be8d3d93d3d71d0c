"""What the tests of selection share: parameters, and made-up scores of queries."""

import numpy as np
from small_params import small

from haechi.selection.params import SelectParams

SELECT = small(SelectParams, resamples=400)
VOTERS = {"plateau": 1.0, "criteria": 1.0, "change": 1.0, "optimum": 1.0}


def clusters(queries: int) -> list[str]:
    """Two queries a group."""
    return [f"g{i // 2}" for i in range(queries)]


def scores(mean: float, queries: int, seed: int, spread: float = 0.3) -> np.ndarray:
    """One figure a query, around a mean."""
    return np.clip(np.random.default_rng(seed).normal(mean, spread, queries), 0.0, 1.0)
