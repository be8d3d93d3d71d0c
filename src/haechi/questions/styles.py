"""Which styles of question a passage is asked in."""

import math
from collections.abc import Mapping
from typing import TypeVar

import numpy as np

S = TypeVar("S", bound=str)


def drawn(shares: Mapping[S, float], count: int, rng: np.random.Generator) -> dict[S, int]:
    """How many of `count` questions each style gets: over many passages the shares, for each passage as even as can be.

    Systematic sampling: the shares lie end to end on a line of length `count`, and a comb with a random offset picks.
    """
    names = [name for name in sorted(shares) if shares[name] > 0]
    names = [names[place] for place in rng.permutation(len(names))]
    whole, offset = sum(shares[name] for name in names), float(rng.random())
    counts: dict[S, int] = {}
    before, position = 0, 0.0
    for place, name in enumerate(names, start=1):
        position += shares[name]
        upto = count if place == len(names) else math.floor(position / whole * count + offset)
        if upto > before:
            counts[name] = upto - before
        before = max(before, upto)
    return dict(sorted(counts.items()))
