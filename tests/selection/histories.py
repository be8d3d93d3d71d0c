"""Made-up training histories of which the right step is known."""

import numpy as np

from haechi.selection.history import History

LENGTH = 30
NOISE = 0.004
"""Standard deviation of a validation that rises by 0.2; real ones of 900 queries differ by less from step to step."""


def history_of(truth: np.ndarray, rng: np.random.Generator, noise: float = NOISE) -> History:
    """Validation score and loss follow the truth with noise of their own; training loss only falls."""
    n = len(truth)
    score = truth + rng.normal(0, noise, n)
    loss = 1.0 - 2.0 * truth + rng.normal(0, 2 * noise, n)
    training = np.exp(-np.arange(n) / 10) + rng.normal(0, noise, n)
    gradient = 1.0 + rng.normal(0, 0.05, n)
    return History(tuple(range(1, n + 1)), *(tuple(map(float, series)) for series in (score, loss, training, gradient)))


def planted_plateau(rng: np.random.Generator) -> tuple[History, int]:
    """Up, flat for seven validations, down; the middle of the flat part is right."""
    start = int(rng.integers(6, 17))
    x = np.arange(1, LENGTH + 1, dtype=float)
    truth = 0.4 - 0.2 * np.maximum(start - x, 0) / start - 0.012 * np.maximum(x - (start + 6), 0)
    return history_of(truth, rng), start + 3


def late_overfitting(rng: np.random.Generator) -> tuple[History, int]:
    """Rises ever slower, and turns down at one step."""
    peak = int(rng.integers(10, 24))
    x = np.arange(1, LENGTH + 1, dtype=float)
    truth = 0.4 - 0.2 * np.maximum(peak - x, 0) / peak - 0.015 * np.maximum(x - peak, 0)
    return history_of(truth, rng), peak


def noise_only(rng: np.random.Generator) -> History:
    """Nothing was learned that validation shows."""
    return history_of(np.full(LENGTH, 0.3), rng)


def copied(rng: np.random.Generator) -> History:
    """The validation loss is the training loss."""
    made = late_overfitting(rng)[0]
    return History(made.steps, made.score, made.training_loss, made.training_loss, made.gradient)
