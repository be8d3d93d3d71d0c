"""What fusion looks at: numbers of each article that a search found.

Pure functions of ranked lists. A search process runs them for every query, so they need numpy alone.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from haechi.records.passage import Passage
from haechi.retrieval.run import Scored
from haechi.text.normalize import fold

Array = npt.NDArray[np.float64]

SEEN, CITED, TITLE, LAW = "seen", "cited", "title", "law"
"""Of an article: whether training cites it, and the logarithm of how often; whether the query holds its title, its law's name."""
FIRST = ".first"
"""Behind the name of a search: one over the rank of an article there."""


@dataclass(frozen=True)
class Known:
    """What is known of articles, beside the scores that searches give them."""

    cited: Mapping[str, int]
    """Article -> how often it is an answer in training; what is not here is new to the model."""
    title: Mapping[str, str] = field(default_factory=dict)
    """Article -> its title, folded; a title of one letter says nothing and is left out."""
    law: Mapping[str, str] = field(default_factory=dict)
    """Article -> the name of its law, folded."""


@dataclass(frozen=True)
class Candidates:
    """The articles that any search found for one query, in the order of their ids, and what speaks for each."""

    ids: tuple[str, ...]
    signals: Mapping[str, Array]

    def product(self, term: str) -> Array:
        """The values of a term: a signal, or several with `*` between them."""
        value = np.ones(len(self.ids))
        for signal in term.split("*"):
            value = value * self.signals[signal]
        return value

    def matrix(self, terms: Sequence[str]) -> Array:
        """One column a term.  # (articles, terms)"""
        return np.stack([self.product(term) for term in terms], axis=1) if terms else np.zeros((len(self.ids), 0))


def known_of(corpus: Iterable[Passage], name: Mapping[str, str], cited: Mapping[str, int]) -> Known:
    """From a corpus, the names under which its articles are judged, and how often each is an answer in training."""
    title: dict[str, str] = {}
    law: dict[str, str] = {}
    for passage in corpus:
        key = name[passage.article_key]
        if len(folded := fold(passage.title)) > 1:
            title.setdefault(key, folded)
        if passage.law_name:
            law.setdefault(key, fold(passage.law_name))
    return Known(cited, title, law)


def candidates(text: str, lists: Mapping[str, Sequence[Scored]], known: Known) -> Candidates:
    """The union of these lists with every signal; the order in which lists or articles come changes nothing."""
    ids = tuple(sorted({scored.id for ranked in lists.values() for scored in ranked}))
    row_of = {id: row for row, id in enumerate(ids)}
    signals: dict[str, Array] = {}
    for system, ranked in lists.items():
        rows = [row_of[scored.id] for scored in ranked]
        scores = _standardised(np.array([scored.score for scored in ranked], dtype=np.float64))
        value, first = np.full(len(ids), scores.min(initial=0.0)), np.zeros(len(ids))
        value[rows] = scores
        first[rows] = 1.0 / np.arange(1, len(rows) + 1)
        signals[system], signals[system + FIRST] = value, first
    query, cited = fold(text), np.array([float(known.cited.get(id, 0)) for id in ids])
    named = {law: float(law in query) for id in ids if (law := known.law.get(id, ""))}
    signals[SEEN], signals[CITED] = np.minimum(cited, 1.0), np.log1p(cited)
    signals[TITLE] = np.array([float(bool(title := known.title.get(id, "")) and title in query) for id in ids])
    signals[LAW] = np.array([named.get(known.law.get(id, ""), 0.0) for id in ids])
    return Candidates(ids, signals)


def _standardised(scores: Array) -> Array:
    """Scores of one list with mean 0 and deviation 1: what an article of another list lacks here is the lowest of them."""
    if not len(scores):
        return scores
    spread = float(scores.std())
    return (scores - scores.mean()) / spread if spread > 1e-9 else np.zeros(len(scores))
