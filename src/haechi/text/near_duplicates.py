"""Near-duplicate texts by Jaccard similarity of their character 5-grams, exact and without sampling."""

from collections import Counter, defaultdict
from collections.abc import Sequence

from haechi.text.normalize import fold

GRAM = 5


def grams(text: str) -> frozenset[str]:
    """Character 5-grams of the folded text; a shorter text is its own only gram."""
    folded = fold(text)
    return frozenset(folded[i : i + GRAM] for i in range(max(1, len(folded) - GRAM + 1)))


def jaccard(first: frozenset[str], second: frozenset[str]) -> float:
    """Shared grams over all grams."""
    return len(first & second) / len(first | second)


def jaccard_below(first: frozenset[str], second: frozenset[str], threshold: float) -> bool:
    """Whether the similarity is below the threshold; sizes alone decide most cases."""
    small, large = sorted((len(first), len(second)))
    return small < threshold * large or jaccard(first, second) < threshold


class NearDuplicates:
    """Finds which of a fixed list of texts a new text nearly repeats."""

    def __init__(self, texts: Sequence[str]) -> None:
        self._grams = [grams(text) for text in texts]
        self._where: dict[str, list[int]] = defaultdict(list)
        for index, found in enumerate(self._grams):
            for gram in found:
                self._where[gram].append(index)

    def closest(self, text: str, threshold: float) -> tuple[int, float] | None:
        """The most similar text at or above the threshold, as (index, similarity)."""
        found = grams(text)
        shared = Counter(index for gram in found for index in self._where.get(gram, ()))
        best: tuple[int, float] | None = None
        for index, count in shared.items():
            similarity = count / (len(found) + len(self._grams[index]) - count)
            if similarity >= threshold and (best is None or (-similarity, index) < (-best[1], best[0])):
                best = (index, similarity)
        return best
