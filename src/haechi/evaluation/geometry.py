"""What tuning did to the space itself, where no relevance judgement is needed: drift, alignment, uniformity, separation.

These are signs, not goals: a model may drift and be better. They say where to look when the probe fails.
"""

from collections.abc import Sequence

import numpy as np

from haechi.retrieval.dense import Vectors

NEIGHBOURS = 10
SAMPLE = 2000


def cka(first: Vectors, second: Vectors) -> float:
    """Linear centred kernel alignment of two models' vectors of the same texts: 1 for the same shape, near 0 for strangers."""
    one, two = (np.asarray(v, dtype=np.float64) - v.mean(axis=0, dtype=np.float64) for v in (first, second))
    cross, own = float(np.linalg.norm(one.T @ two)) ** 2, float(np.linalg.norm(one.T @ one) * np.linalg.norm(two.T @ two))
    return cross / max(own, 1e-30)


def neighbour_overlap(first: Vectors, second: Vectors, k: int = NEIGHBOURS) -> float:
    """Mean share of a text's k nearest texts that stay the same."""
    k = min(k, len(first) - 1)
    if k < 1:
        return 1.0
    one, two = (_nearest(vectors, k) for vectors in (first, second))
    return float(np.mean([len(set(a) & set(b)) / k for a, b in zip(one.tolist(), two.tolist(), strict=True)]))


def drift(before: Vectors, after: Vectors) -> dict[str, float]:
    """Likeness of the space before and after; `mean_cosine` only where both have the same dimension."""
    found = {"cka": cka(before, after), "neighbour_overlap": neighbour_overlap(before, after)}
    if before.shape == after.shape:
        found["mean_cosine"] = float(np.einsum("ij,ij->i", before, after, dtype=np.float64).mean())
    return found


def alignment(queries: Vectors, answers: Vectors) -> float:
    """Mean squared distance of a query and its answer (Wang and Isola 2020): small is good."""
    return float(((queries - answers) ** 2).sum(axis=1, dtype=np.float64).mean())


def uniformity(vectors: Vectors, seed: int) -> float:
    """Log of the mean of exp(-2 x squared distance) over pairs of texts: 0 when collapsed, the lower the better spread."""
    if len(vectors) < 2:
        return 0.0
    rng = np.random.default_rng(seed)
    one, two = (rng.integers(len(vectors), size=SAMPLE * 10) for _ in range(2))
    apart = one != two
    distances = ((vectors[one[apart]] - vectors[two[apart]]) ** 2).sum(axis=1, dtype=np.float64)
    return float(np.log(np.exp(-2.0 * distances).mean()))


def separation(gold: Sequence[float], best_other: Sequence[float]) -> dict[str, float]:
    """Scores of gold against the best wrong answer: means, and the share of queries where gold scores higher."""
    right, wrong = np.asarray(gold), np.asarray(best_other)
    return {"gold": float(right.mean()), "best_other": float(wrong.mean()), "gold_higher": float((right > wrong).mean())}


def _nearest(vectors: Vectors, k: int) -> np.ndarray:
    scores = vectors @ vectors.T
    np.fill_diagonal(scores, -np.inf)
    return np.argsort(-scores, axis=1, kind="stable")[:, :k]
