"""t-SNE (van der Maaten and Hinton 2008) of some hundred points, exact: every pair counts, in a few passes over one matrix.

scikit-learn's is made for many thousand points; for these it takes longer, and importing it longer still.
"""

import numpy as np
import numpy.typing as npt

Numbers = npt.NDArray[np.float64]
Floats = npt.NDArray[np.float32]
STEPS = ((250, 12.0, 0.5), (250, 1.0, 0.8))
"""How many, how much nearer neighbours are drawn, and the momentum."""
START = 1e-4
"""Spread of the points at the beginning, along their widest direction."""
HALVINGS = 30
LEAST_GAIN = 0.01
BLOCK = 64


def tsne(vectors: Numbers, perplexity: float) -> Numbers:
    """Two coordinates a row, where neighbours are near each other; nothing is drawn at random.  # (rows, 2)"""
    near, at = affinities(vectors, perplexity).astype(np.float32), _flattest(vectors)
    rate = np.float32(max(len(at) / STEPS[0][1] / 4, 50.0))
    moved, gains = np.zeros_like(at), np.ones_like(at)
    for steps, drawn, momentum in STEPS:
        weighed = near * np.float32(drawn)
        for _ in range(steps):
            slope = gradient(weighed, at)
            gains = np.maximum(np.where(moved * slope < 0, gains + np.float32(0.2), gains * np.float32(0.8)), LEAST_GAIN)
            moved = np.float32(momentum) * moved - rate * gains * slope
            at = at + moved
    return at.astype(np.float64)


def affinities(vectors: Numbers, perplexity: float) -> Numbers:
    """How much of a neighbour each row is to each other: rows of that perplexity, made symmetric, 1 in sum.  # (rows, rows)"""
    squares = np.einsum("ij,ij->i", vectors, vectors)
    distances = np.maximum(squares[:, None] + squares - 2.0 * (vectors @ vectors.T), 0.0)
    np.fill_diagonal(distances, np.inf)
    distances -= distances.min(axis=1, keepdims=True)  # the nearest counts 1, so no row is without a neighbour
    low, high = np.zeros(len(vectors)), np.full(len(vectors), np.inf)
    sharp = np.ones(len(vectors))
    for _ in range(HALVINGS):
        near = np.exp(-distances * sharp[:, None])
        total = near.sum(axis=1)
        entropy = np.log(total) + sharp * np.einsum("ij,ij->i", near, np.where(near > 0, distances, 0.0)) / total
        wide = entropy > np.log(perplexity)
        low, high = np.where(wide, sharp, low), np.where(wide, high, sharp)
        sharp = np.where(np.isinf(high), sharp * 2.0, (low + high) / 2.0)
    near /= total[:, None]
    return np.asarray((near + near.T) / (2.0 * len(vectors)))


def gradient(near: Floats, at: Floats) -> Floats:
    """Where the Kullback-Leibler divergence of the neighbours on the plane from those in space grows.  # (rows, 2)

    A few rows at a time, so that what is between lies in the processor's cache.
    """
    squares, ones = np.einsum("ij,ij->i", at, at)[:, None], np.ones((len(at), 1), np.float32)
    one, other, with_ones = (
        np.hstack([-2 * at, squares, ones]),
        np.hstack([at, ones, 1 + squares]).T.copy(),
        np.hstack([at, ones]),
    )
    pulled, pushed = np.empty((len(at), 3), np.float32), np.empty((len(at), 3), np.float32)
    total = -float(len(at))  # every point is near itself, and neither pulls nor pushes
    for start in range(0, len(at), BLOCK):
        rows = slice(start, start + BLOCK)
        close = np.reciprocal(np.maximum(one[rows] @ other, 1))  # 1 and the squared distance
        total += float(close.sum())
        pulled[rows] = (near[rows] * close) @ with_ones
        pushed[rows] = np.square(close, out=close) @ with_ones
    force = pulled - pushed / np.float32(total)
    return np.asarray(4 * (force[:, 2:] * at - force[:, :2]))


def _flattest(vectors: Numbers) -> Floats:
    """The two widest directions, tiny."""
    centred = vectors - vectors.mean(axis=0)
    strengths, directions = np.linalg.eigh(centred @ centred.T)
    widest = directions[:, [-1, -2]] * np.sqrt(np.maximum(strengths[[-1, -2]], 0.0))
    widest *= np.where(widest[np.abs(widest).argmax(axis=0), [0, 1]] < 0, -1.0, 1.0)
    return np.asarray(widest / max(float(widest[:, 0].std()), 1e-30) * START, dtype=np.float32)
