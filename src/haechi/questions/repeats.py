"""Near-duplicate questions, exact and fast: two texts of Jaccard t or more share one of the rarest grams of each.

The rarest |x| - ceil(t |x|) + 1 grams of a text are looked up (prefix filtering); only what meets there is compared. So the
common tails of questions (`…하려면 어떤 요건이 필요한가요?`) cost nothing.
"""

import math
from collections import Counter, defaultdict
from collections.abc import Iterable

from haechi.text.near_duplicates import grams


class Repeats:
    """Texts seen so far, by their rare grams. All texts that will be asked about are given first: they decide what is rare."""

    def __init__(self, texts: Iterable[str], threshold: float) -> None:
        frequency = Counter(gram for text in texts for gram in grams(text))
        ordered = sorted(frequency, key=lambda gram: (frequency[gram], gram))
        self._rank = {gram: rank for rank, gram in enumerate(ordered)}
        self._threshold = threshold
        self._seen: list[tuple[int, ...]] = []
        self._where: dict[int, list[int]] = defaultdict(list)

    def add(self, text: str) -> int:
        """Remember a text; its number."""
        ranks = self._ranks(text)
        for rank in self._prefix(ranks):
            self._where[rank].append(len(self._seen))
        self._seen.append(ranks)
        return len(self._seen) - 1

    def find(self, text: str) -> list[int]:
        """The numbers of all remembered texts at or above the threshold, in the order in which they were added."""
        ranks = self._ranks(text)
        found = set(ranks)
        candidates = {number for rank in self._prefix(ranks) for number in self._where.get(rank, ())}
        return sorted(number for number in candidates if self._similar(found, self._seen[number]))

    def _similar(self, found: set[int], other: tuple[int, ...]) -> bool:
        small, large = sorted((len(found), len(other)))
        if small < self._threshold * large:
            return False
        shared = sum(rank in found for rank in other)
        return shared >= self._threshold * (len(found) + len(other) - shared) - 1e-9

    def _ranks(self, text: str) -> tuple[int, ...]:
        return tuple(sorted(self._rank[gram] for gram in grams(text)))

    def _prefix(self, ranks: tuple[int, ...]) -> tuple[int, ...]:
        return ranks[: len(ranks) - math.ceil(self._threshold * len(ranks) - 1e-9) + 1]
