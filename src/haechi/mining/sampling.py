"""Which of the candidates that are left become negatives: by score, by draw or evenly, with a cap on each passage.

A draw is a hash of seed, query and passage: it doesn't depend on what else is mined, nor in which order.
Queries take turns in the order of such a hash too, so that no kind of query comes first to a passage that many want.
"""

import hashlib
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from haechi.mining.candidates import Candidates, Floats, Ints
from haechi.mining.filters import CODE, Fates
from haechi.mining.params import MineParams

Hashes = npt.NDArray[np.uint64]
Doubles = npt.NDArray[np.float64]


def hashes(names: Sequence[str]) -> Hashes:
    """A 64-bit number for each name."""
    return np.frombuffer(b"".join(hashlib.blake2b(name.encode(), digest_size=8).digest() for name in names), dtype="<u8")


def draw(seed: int, first: Hashes, second: Hashes) -> Doubles:
    """A number in (0, 1) for each pair of hashes."""
    mixed = _mix(_mix(first ^ _mix(np.full(1, seed, dtype=np.uint64))) + second)
    return (np.asarray(mixed >> np.uint64(11), dtype=np.float64) + 0.5) / 2.0**53


def turns(seed: int, queries: Hashes) -> Ints:
    """The order in which queries choose."""
    return np.argsort(draw(seed, queries, np.zeros(1, dtype=np.uint64)), kind="stable")


def priority(scores: Floats, draws: Doubles, params: MineParams) -> Doubles:
    """The higher, the sooner taken; a draw without replacement is a sort by score and Gumbel noise."""
    exact = scores.astype(np.float64)
    return exact / params.sampling_temperature - np.log(-np.log(draws)) if params.sampling_strategy == "sampled" else exact


class Sampler:
    """Takes negatives query by query and remembers how often each passage serves."""

    def __init__(self, order: Ints, passages: int, max_uses: int) -> None:
        self._order, self._max_uses = order, max_uses
        self._uses = np.zeros(passages, dtype=np.int64)

    def __call__(
        self, candidates: Candidates, fates: Fates, priorities: Doubles, wanted: Ints, spread: bool
    ) -> tuple[Fates, dict[int, Ints]]:
        """The fates when all is chosen, and the rows that each query took, in order of priority."""
        fates = fates.copy()
        rows = np.flatnonzero(fates == 0)
        rows = rows[np.lexsort((candidates.passage[rows], -priorities[rows], candidates.query[rows]))]
        borders = np.searchsorted(candidates.query[rows], np.arange(len(wanted) + 1))
        chosen: dict[int, Ints] = {}
        for query in self._order.tolist():
            mine = rows[borders[query] : borders[query + 1]]
            if not len(mine):
                continue
            free = self._uses[candidates.passage[mine]] < self._max_uses
            fates[mine[~free]] = CODE["overused"]
            mine = mine[free]
            fates[mine] = CODE["spare"]
            taken = mine[evenly(len(mine), int(wanted[query]))] if spread else mine[: wanted[query]]
            fates[taken] = CODE["chosen"]
            self._uses[candidates.passage[taken]] += 1
            chosen[query] = taken
        return fates, chosen


def evenly(number: int, wanted: int) -> Ints:
    """Places from the first to the last, evenly spaced."""
    if wanted == 1:
        return np.arange(min(number, 1))
    return np.arange(number) if wanted >= number else np.round(np.linspace(0, number - 1, wanted)).astype(np.int64)


def random_keys(seed: int, queries: Hashes, short: Ints, missing: Ints, passages: int) -> Ints:
    """Keys of random passages for the queries that are short: more than are missing, since filters take some."""
    numbers = 4 * missing + 16
    query = np.repeat(short, numbers)
    tries = (np.arange(len(query)) - np.repeat(np.cumsum(numbers) - numbers, numbers)).astype(np.uint64)
    return np.unique(query * passages + (draw(seed, queries[query], tries + np.uint64(1)) * passages).astype(np.int64))


def _mix(values: Hashes) -> Hashes:
    """The finisher of splitmix64."""
    values = values + np.uint64(0x9E3779B97F4A7C15)
    values = (values ^ (values >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    values = (values ^ (values >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return values ^ (values >> np.uint64(31))
