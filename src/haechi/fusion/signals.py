"""What fusion looks at: numbers of each article that a search found, and of the query as a whole.

Pure functions of ranked lists. A search process runs them for every query, so they need numpy alone.
"""

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property

import numpy as np
import numpy.typing as npt

from haechi.records.passage import Passage
from haechi.retrieval.run import Scored
from haechi.text.normalize import fold

Array = npt.NDArray[np.float64]

SEEN, TITLE, LAW = "seen", "title", "law"
"""Of an article: training named it as an answer; the query holds its title; the query holds its law's name."""
AGREE, STRANGE, LONG, NAMED, WHETHER, ASKS = "agree", "strange", "long", "named", "whether", "asks"
"""Of a query: how much the searches' first ten agree, how many of these training never named, its length, whether it names a law,
whether it talks as courts do, whether it ends as a question."""
FIRST, SURE = ".first", ".sure"
"""Behind a system's name: one over the rank of an article there; by how much its best score leads the second."""
LOOKED_AT = 10
_COURT = ("여부", "는지")
_QUESTION = ("?", "？", "요", "까", "나", "냐", "니", "죠")


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
    of_article: Mapping[str, Array]
    of_query: Mapping[str, float]

    @cached_property
    def signals(self) -> frozenset[str]:
        """The names of all that is known here."""
        return frozenset(self.of_article) | frozenset(self.of_query)

    def product(self, term: str) -> Array:
        """The values of a term: a signal, or several with `*` between them."""
        value = np.ones(len(self.ids))
        for signal in term.split("*"):
            value = value * (self.of_article[signal] if signal in self.of_article else self.of_query[signal])
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
    of_article: dict[str, Array] = {}
    of_query: dict[str, float] = {}
    for system, ranked in lists.items():
        rows = [row_of[scored.id] for scored in ranked]
        scores = _standardised(np.array([scored.score for scored in ranked], dtype=np.float64))
        value, first = np.full(len(ids), scores.min(initial=0.0)), np.zeros(len(ids))
        value[rows] = scores
        first[rows] = 1.0 / np.arange(1, len(rows) + 1)
        of_article[system], of_article[system + FIRST] = value, first
        of_query[system + SURE] = float(scores[0] - scores[1]) if len(scores) > 1 else 0.0
    query = fold(text)
    laws = {law for id in ids if (law := known.law.get(id, ""))}
    named = {law for law in laws if law in query}
    of_article[SEEN] = np.array([float(id in known.cited) for id in ids])
    of_article[TITLE] = np.array([float(bool(title := known.title.get(id, "")) and title in query) for id in ids])
    of_article[LAW] = np.array([float(known.law.get(id, "") in named) for id in ids])
    heads = [[scored.id for scored in ranked[:LOOKED_AT]] for _, ranked in sorted(lists.items())]
    plain = text.rstrip()
    of_query |= {
        AGREE: _agreement(heads),
        STRANGE: _mean([float(id not in known.cited) for head in heads for id in head]),
        LONG: math.log1p(len(query)) / 5.0,  # 150 letters are 1
        NAMED: float(bool(named)),
        WHETHER: float(any(word in text for word in _COURT)),
        ASKS: float(plain.endswith(_QUESTION)),
    }
    return Candidates(ids, of_article, of_query)


def _standardised(scores: Array) -> Array:
    """Scores of one list with mean 0 and deviation 1: what an article of another list lacks here is the lowest of them."""
    if not len(scores):
        return scores
    spread = float(scores.std())
    return (scores - scores.mean()) / spread if spread > 1e-9 else np.zeros(len(scores))


def _agreement(heads: Sequence[Sequence[str]]) -> float:
    """The mean share of two lists' first articles that are the same."""
    pairs = [(one, other) for place, one in enumerate(heads) for other in heads[place + 1 :]]
    return _mean([len(set(one) & set(other)) / max(1, min(len(one), len(other))) for one, other in pairs])


def _mean(values: Sequence[float]) -> float:
    return sum(values) / len(values) if values else 0.0
