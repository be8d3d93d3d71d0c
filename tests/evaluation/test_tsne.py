"""The map's own t-SNE: what it descends is the divergence that the method names, and neighbours stay together."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from haechi.evaluation.passage_map import plane
from haechi.evaluation.tsne import affinities, gradient, tsne


def points(rows: int, seed: int, width: int = 12) -> np.ndarray:
    return np.random.default_rng(seed).standard_normal((rows, width))


def divergence(near: np.ndarray, at: np.ndarray) -> float:
    """Kullback-Leibler, pair by pair."""
    close = 1 / (1 + ((at[:, None] - at) ** 2).sum(axis=2))
    np.fill_diagonal(close, 0)
    close /= close.sum()
    here = near > 0
    return float((near[here] * np.log(near[here] / close[here])).sum())


@settings(max_examples=20)
@given(st.integers(3, 150), st.integers(0, 2**16))
def test_the_gradient_is_the_slope_of_the_divergence(rows: int, seed: int) -> None:
    near, at = affinities(points(rows, seed), min(5.0, (rows - 1) / 3)), points(rows, seed + 1, 2)
    slope = gradient(near.astype(np.float32), at.astype(np.float32))

    for row, axis in ((0, 0), (rows - 1, 1)):
        step = np.zeros_like(at)
        step[row, axis] = 1e-5
        wanted = (divergence(near, at + step) - divergence(near, at - step)) / 2e-5
        assert slope[row, axis] == pytest.approx(wanted, rel=2e-3, abs=2e-6)


@settings(max_examples=20)
@given(st.integers(10, 80), st.integers(0, 2**16))
def test_every_row_has_the_perplexity_that_is_asked_for(rows: int, seed: int) -> None:
    near = affinities(points(rows, seed), 3.0)

    assert near.sum() == pytest.approx(1)
    assert np.array_equal(near, near.T)
    from sklearn.manifold._t_sne import _joint_probabilities

    squares = ((points(rows, seed)[:, None] - points(rows, seed)) ** 2).sum(axis=2).astype(np.float32)
    upper = np.triu_indices(rows, 1)
    np.testing.assert_allclose(near[upper], _joint_probabilities(squares, 3.0, 0), rtol=1e-3, atol=1e-6)


def test_groups_that_are_apart_stay_apart_and_the_same_points_give_the_same_bytes() -> None:
    groups = np.repeat(np.arange(4), 25)
    vectors = points(100, 1) * 0.1 + points(4, 2)[groups]
    at = plane(vectors)

    assert np.abs(at).max() == 1
    apart = ((at[:, None] - at) ** 2).sum(axis=2)
    np.fill_diagonal(apart, np.inf)
    assert (groups[apart.argmin(axis=1)] == groups).all()
    assert plane(vectors).tobytes() == at.tobytes()


@pytest.mark.parametrize("vectors", [np.zeros((5, 3)), np.eye(3), np.tile(np.eye(3), (2, 1))])
def test_few_points_and_equal_ones_have_a_place(vectors: np.ndarray) -> None:
    assert np.isfinite(tsne(vectors, (len(vectors) - 1) / 3)).all()
