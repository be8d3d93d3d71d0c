"""Pieces as sums of features: what training changes are the vectors of features, and the table of pieces follows from them.

A rare piece so learns wherever its features stand, in whatever other pieces. Folded, it is a table like any other.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

FILE = "composition.safetensors"
"""Beside the model of a base folder, where there is one; nobody needs it to use the model."""
Floats = npt.NDArray[np.float32]
Numbers = npt.NDArray[np.int64]


@dataclass(frozen=True)
class Composition:
    """starts: (pieces + 1,), where those of a piece begin in `features`; weights: (features,); vectors: (features, dim)."""

    starts: Numbers
    features: Numbers
    weights: Floats
    vectors: Floats

    def table(self) -> Floats:
        """A vector for each piece, the weighted sum of its features'; zeros where it has none.  # (pieces, dim)"""
        return fold(self.starts, self.features, self.weights, self.vectors)

    def save(self, folder: Path) -> None:
        """Write it beside a model."""
        from safetensors.numpy import save_file

        save_file({name: np.ascontiguousarray(array) for name, array in vars(self).items()}, folder / FILE)


def fold(starts: Numbers, features: Numbers, weights: Floats, vectors: Floats) -> Floats:
    """Weighted sums of vectors, one for each piece."""
    from scipy.sparse import csr_matrix

    shape = (len(starts) - 1, len(vectors))
    return np.asarray(csr_matrix((weights[features], features, starts), shape=shape) @ vectors, dtype=np.float32)


def incidence(means: Sequence[Sequence[str]]) -> tuple[Numbers, Numbers, list[str]]:
    """Starts, features and the names of features, in the order in which pieces first have them."""
    number: dict[str, int] = {}
    features = np.array([number.setdefault(name, len(number)) for names in means for name in names], dtype=np.int64)
    starts = np.cumsum([0, *map(len, means)], dtype=np.int64)
    return starts, features, list(number)


def load_composition(folder: Path) -> Composition | None:
    """What lies beside a model; None where it has nothing of the kind."""
    from safetensors.numpy import load_file

    return Composition(**load_file(folder / FILE)) if (folder / FILE).is_file() else None
