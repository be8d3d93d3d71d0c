"""What is known of each query before any score: its positives and everything that may answer it too."""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from haechi.mining.candidates import Flags, Ints, distinct
from haechi.mining.cocitation import Cocitations, count_cocitations
from haechi.records.passage import Passage
from haechi.runtime.errors import HaechiError
from haechi.text.near_duplicate_pairs import near_duplicates
from haechi.text.normalize import fold


@dataclass(frozen=True, slots=True)
class Query:
    """A pair or a question on its way to become an example."""

    id: str
    text: str
    positives: tuple[str, ...]
    structural: tuple[str, ...]
    related_keys: frozenset[str]
    """Articles that the same decision cites anywhere."""
    source: str


@dataclass(frozen=True)
class Links:
    """A set of (query, thing) as sorted numbers, asked for many at once."""

    keys: Ints
    things: int

    def has(self, query: Ints, thing: Ints) -> Flags:
        """Whether each (query, thing) is in the set; a thing of -1 never is."""
        if not len(self.keys):
            return np.zeros(len(query), dtype=bool)
        wanted = query * self.things + thing
        places = np.minimum(np.searchsorted(self.keys, wanted), len(self.keys) - 1)
        present: Flags = (self.keys[places] == wanted) & (thing >= 0)
        return present

    def of(self, query: int) -> Ints:
        """The things of one query."""
        start, end = np.searchsorted(self.keys, (query * self.things, (query + 1) * self.things))
        return self.keys[start:end] - query * self.things


def links(pairs: Iterable[tuple[int, int]], things: int) -> Links:
    """Links from (query, thing) pairs."""
    keys = np.array([query * things + thing for query, thing in pairs], dtype=np.int64)
    return Links(distinct(keys), things)


class Corpus:
    """Passages numbered in the order of their ids, with what the filters ask of them."""

    def __init__(self, passages: Sequence[Passage], reserved: frozenset[str], decisions: Iterable[Iterable[str]] = ()) -> None:
        """`decisions` are the articles that each decision cites anywhere."""
        if not passages:
            raise HaechiError("mine: the corpus is empty")
        self.order = sorted(range(len(passages)), key=lambda i: passages[i].id)
        self.passages = [passages[i] for i in self.order]
        self.number = {passage.id: row for row, passage in enumerate(self.passages)}
        self.articles: dict[str, list[int]] = defaultdict(list)
        self.provisions: dict[tuple[str, str], list[int]] = defaultdict(list)
        for row, passage in enumerate(self.passages):
            self.articles[passage.article_key].append(row)
            if passage.article:
                self.provisions[fold(passage.law_name), passage.article].append(row)
        self.article_number = {key: number for number, key in enumerate(self.articles)}
        self.article = _numbered(self.articles.values(), len(passages))
        self.provision = _numbered(self.provisions.values(), len(passages))
        self.cocitations = count_cocitations(decisions, self.article_number)
        self.reserved = np.array([passage.article_key in reserved for passage in self.passages])

    def __len__(self) -> int:
        return len(self.passages)

    def near_duplicates(self, wanted: Ints, threshold: float) -> dict[int, Ints]:
        """For each wanted passage that has some, the passages with nearly the same words."""
        first, second = near_duplicates([passage.text for passage in self.passages], wanted, threshold)
        borders = np.flatnonzero(np.r_[True, first[1:] != first[:-1]]) if len(first) else first
        groups = np.split(second, borders[1:])
        return dict(zip(first[borders].tolist(), groups, strict=True)) if len(first) else {}


@dataclass(frozen=True)
class Relevant:
    """Positives of every query and what may answer beside them, as links; article and provision number of every passage."""

    positives: Links
    duplicates: Links
    gold: Links
    cocited: Links
    versions: Links
    cocited_elsewhere: Links
    near_duplicates: Links
    article: Ints
    provision: Ints
    reserved: Flags


def find_relevant(queries: Sequence[Query], corpus: Corpus, near: Mapping[int, Ints], least_decisions: int) -> Relevant:
    """Look everything up; a positive outside the corpus is an error, since the split was made against it."""
    positives: list[tuple[int, int]] = []
    cocited: list[tuple[int, int]] = []
    for row, query in enumerate(queries):
        for id in query.positives:
            if id not in corpus.number:
                raise HaechiError(f"mine: positive {id} of query {query.id} is not in the corpus")
            positives.append((row, corpus.number[id]))
        cocited += [(row, corpus.article_number[key]) for key in query.related_keys if key in corpus.article_number]
    number, passages = corpus.number, corpus.passages
    return Relevant(
        positives=links(positives, len(corpus)),
        duplicates=links(((q, number[t]) for q, p in positives for t in passages[p].twins if t in number), len(corpus)),
        gold=links(((q, int(corpus.article[p])) for q, p in positives), len(corpus.articles)),
        cocited=links(cocited, len(corpus.articles)),
        versions=links(
            ((q, int(corpus.provision[p])) for q, p in positives if corpus.provision[p] >= 0), max(1, len(corpus.provisions))
        ),
        cocited_elsewhere=_cocited_elsewhere(
            ((q, int(corpus.article[p])) for q, p in positives), corpus.cocitations, least_decisions
        ),
        near_duplicates=links(((q, int(other)) for q, p in positives for other in near.get(p, ())), len(corpus)),
        article=corpus.article,
        provision=corpus.provision,
        reserved=corpus.reserved,
    )


def may_answer(row: int, query: Query, corpus: Corpus, relevant: Relevant) -> tuple[str, ...]:
    """Ids of all passages but its positives that may answer a query: never negatives, masked inside a batch."""
    rows: set[int] = {*relevant.duplicates.of(row).tolist(), *relevant.near_duplicates.of(row).tolist()}
    for key in {*query.related_keys, *(corpus.passages[p].article_key for p in relevant.positives.of(row).tolist())}:
        rows.update(corpus.articles.get(key, ()))
    for passage in map(corpus.passages.__getitem__, relevant.positives.of(row).tolist()):
        rows.update(corpus.provisions.get((fold(passage.law_name), passage.article), ()) if passage.article else ())
    own = set(relevant.positives.of(row).tolist())
    return tuple(corpus.passages[p].id for p in sorted(rows - own))


def _cocited_elsewhere(gold: Iterable[tuple[int, int]], cocitations: Cocitations, least: int) -> Links:
    """What is cited together with a gold article in so many decisions; none is asked for by 0."""
    keys = [query * cocitations.articles + cocitations.partners(article, least) for query, article in gold if least]
    return Links(distinct(np.concatenate([np.zeros(0, dtype=np.int64), *keys])), cocitations.articles)


def _numbered(groups: Iterable[Sequence[int]], rows: int) -> Ints:
    """The number of the group that each row is in; -1 where it is in none."""
    numbers = np.full(rows, -1, dtype=np.int64)
    for number, group in enumerate(groups):
        numbers[group] = number
    return numbers
