"""What the tests of selection share: parameters, and made-up scores of queries."""

import numpy as np

from haechi.params.select import SelectParams

SELECT = SelectParams(
    metric="ndcg@10",
    min_gain=0.0,
    soups=("uniform", "greedy"),
    interpolations=(0.5,),
    crossover=0,
    errors=1.0,
    voters={},
    criteria={"loss": 0.3, "accuracy": 0.4, "stability": 0.15, "gradient": 0.15},
    tolerance=1,
    agreement=0.5,
    export=(),
    seed=7,
    resamples=400,
    confidence=0.95,
)
VOTERS = {"plateau": 1.0, "criteria": 1.0, "change": 1.0, "optimum": 1.0}


def clusters(queries: int) -> list[str]:
    """Two queries a group."""
    return [f"g{i // 2}" for i in range(queries)]


def scores(mean: float, queries: int, seed: int, spread: float = 0.3) -> np.ndarray:
    """One figure a query, around a mean."""
    return np.clip(np.random.default_rng(seed).normal(mean, spread, queries), 0.0, 1.0)
