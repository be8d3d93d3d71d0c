"""Why a query failed: no gold article among the first ten. A failure may have several reasons."""

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from haechi.records.passage import Passage
from haechi.records.result import QueryResult
from haechi.scoring.names import TUNED
from haechi.text.near_duplicates import grams, jaccard_below

LOOKED_AT = 10
SAME_TEXT = 0.8
FEW_WORDS = 0.2

BEYOND, NEAR_DUPLICATE, SIBLING, LEXICAL_GAP, UNSEEN = "beyond_depth", "near_duplicate", "sibling", "lexical_gap", "unseen"


class Explainer:
    """Knows the texts, tokens and laws of all articles."""

    def __init__(self, corpus: Iterable[Passage], tokens: Iterable[Sequence[str]], name: Mapping[str, str]) -> None:
        self._body: dict[str, str] = defaultdict(str)
        self._words: dict[str, set[str]] = defaultdict(set)
        self._law: dict[str, str] = {}
        for passage, words in zip(corpus, tokens, strict=True):
            key = name[passage.article_key]
            self._body[key] += passage.body
            self._words[key] |= set(words)
            self._law[key] = passage.law_name

    def reasons(self, row: QueryResult, words: Sequence[str]) -> tuple[str, ...]:
        """Reasons for a failure of the tuned model, in a fixed order; empty where it did not fail."""
        ranks, top = row.ranks[TUNED], row.top[TUNED]
        if any(rank <= LOOKED_AT for rank in ranks):
            return ()
        gold = [key for key in row.gold if key in self._law]
        first = top[0] if top else ""
        asked = set(words)
        found = {
            BEYOND: not ranks,
            NEAR_DUPLICATE: bool(first) and any(self._alike(first, key) for key in gold),
            SIBLING: bool(first) and any(self._law[first] and self._law[first] == self._law[key] for key in gold),
            LEXICAL_GAP: all(len(asked & self._words[key]) < FEW_WORDS * len(asked) for key in gold),
            UNSEEN: "unseen" in row.facets["articles"],
        }
        return tuple(reason for reason, holds in found.items() if holds)

    def _alike(self, one: str, two: str) -> bool:
        return not jaccard_below(grams(self._body[one]), grams(self._body[two]), SAME_TEXT)


def count_failures(rows: Sequence[QueryResult]) -> dict[str, Any]:
    """How many headline queries failed, and how many of those for each reason."""
    failed = [row for row in rows if row.headline and not any(rank <= LOOKED_AT for rank in row.ranks[TUNED])]
    counts = Counter(reason for row in failed for reason in row.failure)
    reasons = (BEYOND, NEAR_DUPLICATE, SIBLING, LEXICAL_GAP, UNSEEN)
    return {"n": len(failed), "unexplained": sum(not row.failure for row in failed)} | {r: counts[r] for r in reasons}
