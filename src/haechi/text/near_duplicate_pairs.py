"""Which texts nearly repeat a wanted one: exact Jaccard of character 5-grams, for all of them at once.

Two texts that share a share t of their grams must share one of the few rarest ones of each (prefix filtering), so only such
pairs are compared. Grams are 64-bit codes; two grams may share a code, at odds of one in a million for ten million grams.
Codes are made anew where they are needed again: those of a large corpus would not fit into memory.
"""

import functools
import itertools
from collections.abc import Callable, Iterator, Sequence

import numpy as np
import numpy.typing as npt

from haechi.text.near_duplicates import GRAM
from haechi.text.normalize import fold

Codes = npt.NDArray[np.uint64]
Ints = npt.NDArray[np.int64]

_BASE = np.uint64(0x9E3779B97F4A7C15)
_MIX = np.uint64(0xBF58476D1CE4E5B9)
_BUCKET = np.uint64(44)  # the upper 20 bits of a code count how common it is
_TEXTS = 4096
_PAIRS = 4_000_000
_KEPT = 16_384


def near_duplicates(texts: Sequence[str], wanted: Ints, threshold: float) -> tuple[Ints, Ints]:
    """All (wanted row, other row) with at least this similarity, sorted; a row is no duplicate of itself."""
    nothing = np.zeros(0, dtype=np.int64)
    if threshold > 1.0 or not len(wanted):
        return nothing, nothing
    codes_of = functools.lru_cache(maxsize=_KEPT)(lambda row: gram_codes(texts[row]))
    sizes, prefixes = _prefixes(codes_of, len(texts), threshold)
    pairs = _meeting(prefixes, sizes, np.unique(wanted), threshold)
    first, second = pairs // len(texts), pairs % len(texts)
    near = np.zeros(len(pairs), dtype=bool)
    borders = np.flatnonzero(np.r_[True, first[1:] != first[:-1], True]) if len(pairs) else nothing
    for start, end in itertools.pairwise(borders.tolist()):
        near[start:end] = _similar(codes_of(int(first[start])), [codes_of(int(row)) for row in second[start:end]], threshold)
    return first[near], second[near]


def gram_codes(text: str) -> Codes:
    """The distinct 5-grams of the folded text as sorted codes; a shorter text is its own only gram."""
    points = np.frombuffer(fold(text).encode("utf-32-le", "surrogatepass"), dtype="<u4").astype(np.uint64) + np.uint64(1)
    points = np.r_[points, np.zeros(max(0, GRAM - len(points)), dtype=np.uint64)]
    codes = np.zeros(len(points) - GRAM + 1, dtype=np.uint64)
    for place in range(GRAM):
        codes = (codes + points[place : len(codes) + place]) * _BASE
    codes ^= codes >> np.uint64(31)
    return np.unique(codes * _MIX)


def _prefixes(codes_of: Callable[[int], Codes], number: int, threshold: float) -> tuple[Ints, tuple[Codes, Ints]]:
    """Sizes of the texts, and the (code, row) of each text's rarest codes, sorted by code."""
    counts = np.zeros(1 << 20, dtype=np.int64)
    sizes = np.zeros(number, dtype=np.int64)
    for block in _blocks(number):
        block_codes = [codes_of(row) for row in block]
        sizes[block.start : block.stop] = [len(codes) for codes in block_codes]
        counts += np.bincount((np.concatenate(block_codes) >> _BUCKET).astype(np.int64), minlength=len(counts))
    kept: list[Codes] = []
    lengths = np.minimum(sizes, sizes - np.floor(threshold * sizes).astype(np.int64) + 1)
    for row in range(number):
        codes = codes_of(row)
        rarest = np.argsort(counts[(codes >> _BUCKET).astype(np.int64)], kind="stable")  # codes are sorted: ties by code
        kept.append(codes[rarest[: lengths[row]]])
    together = np.concatenate(kept)
    order = np.argsort(together, kind="stable")
    return sizes, (together[order], np.repeat(np.arange(number), lengths)[order])


def _meeting(prefixes: tuple[Codes, Ints], sizes: Ints, wanted: Ints, threshold: float) -> Ints:
    """Wanted row x number + other row, for all that share a rare code and whose sizes allow the similarity."""
    codes, rows = prefixes
    of_wanted = np.isin(rows, wanted)
    mine, owners = codes[of_wanted], rows[of_wanted]
    starts, ends = np.searchsorted(codes, mine, "left"), np.searchsorted(codes, mine, "right")
    pair_keys = [np.zeros(0, dtype=np.int64)]
    for part in _portions(ends - starts):
        lengths = ends[part] - starts[part]
        first = np.repeat(owners[part], lengths)
        second = rows[ranges(starts[part], lengths)]
        small, large = np.minimum(sizes[first], sizes[second]), np.maximum(sizes[first], sizes[second])
        fits = (first != second) & (small >= threshold * large)
        pair_keys.append(np.unique(first[fits] * len(sizes) + second[fits]))
    return np.unique(np.concatenate(pair_keys))


def _similar(codes: Codes, others: Sequence[Codes], threshold: float) -> npt.NDArray[np.bool_]:
    """Whether each of the others reaches the threshold."""
    sizes = np.array([len(other) for other in others])
    together = np.concatenate(others)
    places = np.minimum(np.searchsorted(codes, together), len(codes) - 1)
    shared = np.add.reduceat((codes[places] == together).astype(np.int64), np.cumsum(sizes) - sizes)
    similar: npt.NDArray[np.bool_] = shared / (len(codes) + sizes - shared) >= threshold
    return similar


def ranges(starts: Ints, lengths: Ints) -> Ints:
    """start, start + 1, ... of each start, as many as its length, one after another."""
    ends = np.cumsum(lengths)
    members: Ints = np.arange(int(lengths.sum())) + np.repeat(starts - (ends - lengths), lengths)
    return members


def _blocks(number: int) -> Iterator[range]:
    for start in range(0, number, _TEXTS):
        yield range(start, min(start + _TEXTS, number))


def _portions(lengths: Ints) -> Iterator[slice]:
    """Slices whose lengths add up to about as many pairs as may be in memory at once."""
    total = np.cumsum(lengths)
    start = 0
    while start < len(lengths):
        before = total[start - 1] if start else 0
        end = max(start + 1, int(np.searchsorted(total, before + _PAIRS)))
        yield slice(start, end)
        start = end
