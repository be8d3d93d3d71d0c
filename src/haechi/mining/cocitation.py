"""Which articles courts cite together: whoever answers a question about one of them may well answer it too."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

Ints = npt.NDArray[np.int64]


@dataclass(frozen=True)
class Cocitations:
    """Every (article, other article) that some decision cites both of, sorted, with the number of such decisions."""

    keys: Ints
    decisions: Ints
    articles: int

    def partners(self, article: int, least: int) -> Ints:
        """The articles that at least so many decisions cite together with this one."""
        span = slice(*np.searchsorted(self.keys, (article * self.articles, (article + 1) * self.articles)))
        return self.keys[span][self.decisions[span] >= least] - article * self.articles


def count_cocitations(decisions: Iterable[Iterable[str]], number: Mapping[str, int]) -> Cocitations:
    """Count over decisions, each given as all that it cites; whatever has no number is no article of the corpus."""
    articles = len(number)
    pair_keys = [np.zeros(0, dtype=np.int64)]
    for cited in decisions:
        rows = np.array(sorted({number[key] for key in cited if key in number}), dtype=np.int64)
        pairs = (rows[:, None] * articles + rows).ravel()
        pair_keys.append(pairs[pairs // articles != pairs % articles])
    keys, counts = np.unique(np.concatenate(pair_keys), return_counts=True)
    return Cocitations(keys, counts, articles)
