"""What kind of query a test query is: the facets by which results are sliced.

Bounds are fixed numbers, so a slice means the same on every test set.
"""

from bisect import bisect_right
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence

from haechi.records.pair import Pair
from haechi.records.passage import Passage
from haechi.records.query import TestQuery
from haechi.records.result import QueryResult

QUERY_LENGTHS = (50, 100, 200)
PASSAGE_LENGTHS = (200, 500, 1000)
TIMES_CITED = (1, 3, 10)
SMALLEST = 5
"""A slice of fewer queries is not shown: its mean says nothing."""
MOST_LAWS = 12

Facets = dict[str, tuple[str, ...]]


class Facetter:
    """Knows the corpus and the training pairs that queries are set against."""

    def __init__(self, corpus: Iterable[Passage], train_pairs: Iterable[Pair], name: Mapping[str, str]) -> None:
        self._law: dict[str, str] = {}
        self._length: dict[str, int] = defaultdict(int)
        for passage in corpus:
            key = name[passage.article_key]
            self._law.setdefault(key, passage.law_name)
            self._length[key] += len(passage.body)
        pairs = (pair for pair in train_pairs if pair.meta.type == "precedent")
        self._cited = Counter(name.get(key, key) for pair in pairs for key in pair.meta.article_keys)

    def __call__(self, query: TestQuery, gold: Sequence[str]) -> Facets:
        """Facet -> values; a query whose gold stands in two laws belongs to both."""
        laws = tuple(sorted({law for key in gold if (law := self._law.get(key))}))
        lengths = [self._length[key] for key in gold if key in self._length]
        facets: Facets = {
            "articles": ("unseen" if query.unseen else "seen",),
            "names_positive": ("yes" if query.names_positive else "no",),
            "law": laws,
            "query_length": (_bin(len(query.query_text), QUERY_LENGTHS),),
            "style": (style(query.query_text),),
        }
        if self._cited:
            facets["gold_cited_in_training"] = (_bin(max((self._cited[key] for key in gold), default=0), TIMES_CITED),)
        if lengths:
            facets["passage_length"] = (_bin(max(lengths), PASSAGE_LENGTHS),)
        if query.date:
            facets["year"] = (query.date[:4],)
        return facets


def style(text: str) -> str:
    """The form in which a query asks."""
    if text.rstrip().endswith(("?", "？")):
        return "question"
    if "여부" in text:
        return "whether"
    if any(word in text for word in ("의미", "뜻", "기준", "방법", "범위", "요건", "시기")):
        return "what"
    return "words"


def slices(rows: Sequence[QueryResult]) -> dict[str, list[int]]:
    """Slice name -> places of its queries in `rows`: facets of the headline queries, then the other suites.

    Of the laws the largest are shown; `seen` and `unseen` are always there when they have a query.
    """
    places_of: dict[str, list[int]] = defaultdict(list)
    named: dict[str, list[int]] = defaultdict(list)
    primary = {row.suite for row in rows if row.headline}
    for place, row in enumerate(rows):
        if row.headline:
            named[row.facets["articles"][0]].append(place)
            for facet in sorted(row.facets.keys() - {"articles", "names_positive"}):
                for value in row.facets[facet]:
                    places_of[f"{facet}/{value}"].append(place)
        elif row.suite in primary:
            named["names_positive"].append(place)
        else:
            named[row.suite].append(place)
    laws = sorted((name for name in places_of if name.startswith("law/")), key=lambda name: (-len(places_of[name]), name))
    kept = {name: places for name, places in places_of.items() if len(places) >= SMALLEST and name not in laws[MOST_LAWS:]}
    return dict(sorted(named.items())) | dict(sorted(kept.items()))


def by_law(rows: Sequence[QueryResult]) -> dict[str, list[int]]:
    """Law -> places of the headline queries whose gold stands in it."""
    places_of: dict[str, list[int]] = defaultdict(list)
    for place, row in enumerate(rows):
        for law in row.facets.get("law", ()) if row.headline else ():
            places_of[law].append(place)
    return dict(sorted(places_of.items()))


def _bin(value: int, bounds: Sequence[int]) -> str:
    """`0-49`, `50-99`, ..., `200+`."""
    place = bisect_right(bounds, value)
    low = bounds[place - 1] if place else 0
    if place == len(bounds):
        return f"{low}+"
    high = bounds[place] - 1
    return str(low) if high == low else f"{low}-{high}"
