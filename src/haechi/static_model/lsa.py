"""Vectors of features from the texts that they stand in, without any label: latent semantic analysis."""

import numpy as np
import numpy.typing as npt
from scipy.sparse import csr_matrix, diags
from sklearn.utils.extmath import randomized_svd
from threadpoolctl import threadpool_limits

Floats = npt.NDArray[np.float32]


def rarity(counts: csr_matrix) -> Floats:
    """Inverse document frequency of each feature.  # counts: (texts, features)"""
    texts = np.asarray((counts > 0).sum(axis=0)).ravel()
    return np.asarray(np.log(1.0 + counts.shape[0] / np.maximum(texts, 1)), dtype=np.float32)


def latent(counts: csr_matrix, dim: int, seed: int) -> Floats:
    """Unit vectors: features that occur in the same texts look the same way; one that never occurs looks anywhere.

    counts: (texts, features). One thread, so that the same counts give the same bytes.  # (features, dim)
    """
    found = np.zeros((counts.shape[1], dim), dtype=np.float64)
    weighed = counts.astype(np.float64)
    weighed.data = 1.0 + np.log(weighed.data)
    weighed = weighed @ diags(rarity(counts))
    lengths = np.sqrt(np.asarray(weighed.multiply(weighed).sum(axis=1)).ravel())
    weighed = diags(1.0 / np.maximum(lengths, 1e-12)) @ weighed
    rank = min(dim, *counts.shape)
    with threadpool_limits(1):
        _, strengths, directions = randomized_svd(weighed.tocsr(), rank, n_iter=3, random_state=seed)
    found[:, :rank] = directions.T * np.sqrt(strengths)
    lost = np.linalg.norm(found, axis=1) < 1e-6
    found[lost] = np.random.default_rng(seed).standard_normal((int(lost.sum()), dim))
    return np.asarray(found / np.linalg.norm(found, axis=1, keepdims=True), dtype=np.float32)
