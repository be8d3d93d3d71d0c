"""Articles and whole laws that validation keeps for itself, so that a model is also chosen by what training never names.

What has been cited before is looked up; a new law is not. The issues that cite nothing but kept articles become validation,
however old they are; every other issue that cites one leaves training, and so does the rest of a decision that gave one up.
Choices are hashes of the seed and the keys. The articles that the test set reserves are gone before anything is chosen here,
and its answers are not looked at.
"""

import hashlib
import math
from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass

from haechi.pairs.params import MakePairsParams
from haechi.pairs.sections import LabelledSection
from haechi.records.pair import Slice

FEWEST = 30
"""Queries that a slice needs; with fewer nothing is kept apart for it, since its mean would say nothing."""


@dataclass(frozen=True)
class Strangers:
    """What training never names, and which groups of decisions validation took for it."""

    articles: frozenset[str] = frozenset()
    """All of them, those of whole laws and their duplicates included."""
    of_laws: frozenset[str] = frozenset()
    """Those of whole laws."""
    laws: tuple[str, ...] = ()
    groups: frozenset[str] = frozenset()
    said: tuple[str, ...] = ()
    """A sentence for each slice that had no room."""

    def slice_of(self, article_keys: Collection[str]) -> Slice | None:
        """Where a query with these answers belongs; None where training names some of them and not others."""
        if not self.articles.intersection(article_keys):
            return "seen"
        if not self.articles.issuperset(article_keys):
            return None
        return "unseen_law" if self.of_laws.issuperset(article_keys) else "unseen_article"


def laws_of(keys: Iterable[str]) -> dict[str, str]:
    """The law or rule of each article and annex; documents have none."""
    return {key: "_".join(key.split("_", 2)[:2]) for key in keys if key.startswith(("LAW_", "ADM_"))}


def keep_apart(
    issues: Sequence[LabelledSection],
    newest: Collection[str],
    laws: Mapping[str, str],
    twins: Mapping[str, frozenset[str]],
    params: MakePairsParams,
) -> Strangers:
    """Choose laws, then answers of issues, while the training issues that this costs stay within both shares.

    What costs little comes first: laws with few articles for the issues that they give, answers that few other issues name.
    A law takes its titles and questions with it, so the laws' share bounds their articles too.
    `newest` are groups of validation anyway, `laws` the law of each article and annex, `twins` the articles that repeat one.
    """
    ledger = _Ledger(issues, newest, twins)
    articles_of: dict[str, set[str]] = defaultdict(set)
    for key, law in laws.items():
        articles_of[law].add(key)
    said: list[str] = []

    def kept_by(choices: Sequence[frozenset[str]], share: float, most_articles: float, what: str) -> list[frozenset[str]]:
        """The choices that have room, if they give enough queries; the others are given back."""
        before, already = ledger.kept, ledger.strangers()
        taken = ledger.take(choices, share, most_articles)
        if share and (found := ledger.strangers() - already) < FEWEST:
            said.append(_no_room(what, found))
            ledger.give_back(before)
            return []
        return taken

    whole = {frozenset(keys): law for law, keys in articles_of.items()}
    gives = {keys: sum(keys.issuperset(issue.article_keys) for issue in issues) for keys in whole}
    order = sorted(
        (keys for keys in whole if gives[keys]),
        key=lambda keys: (round(math.log2(len(keys) / gives[keys])), _draw(params.seed, whole[keys])),
    )
    chosen = kept_by(order, params.valid_unseen_laws, params.valid_unseen_laws * len(laws), "laws")
    of_laws = ledger.kept

    answers = {frozenset(issue.article_keys) - of_laws for issue in issues} - {frozenset()}
    price = {keys: min(len(ledger.cost(keys)) // 3, 3) for keys in answers}
    order = sorted(answers, key=lambda keys: (price[keys], _draw(params.seed, *sorted(keys))))
    kept_by(order, params.valid_unseen_articles, math.inf, "articles")
    return Strangers(ledger.kept, of_laws, tuple(sorted(whole[keys] for keys in chosen)), frozenset(ledger.groups()), tuple(said))


class _Ledger:
    """What is kept, and the training issues that it has cost."""

    def __init__(self, issues: Sequence[LabelledSection], newest: Collection[str], twins: Mapping[str, frozenset[str]]) -> None:
        self._keys = [frozenset(issue.article_keys) for issue in issues]
        self._group = [issue.group for issue in issues]
        self._twins = twins
        self._training = frozenset(row for row, group in enumerate(self._group) if group not in newest)
        self._citing: dict[str, list[int]] = defaultdict(list)
        self._beside: dict[str, list[int]] = defaultdict(list)
        for row, keys in enumerate(self._keys):
            self._beside[self._group[row]].append(row)
            for key in keys:
                self._citing[key].append(row)
        self.kept: frozenset[str] = frozenset()
        self._lost: frozenset[int] = frozenset()

    def take(self, choices: Iterable[frozenset[str]], share: float, most_articles: float) -> list[frozenset[str]]:
        """Keep one choice after another, passing over those that would cost too much."""
        most, taken = len(self._lost) + share * len(self._training), []
        for keys in choices if share else ():
            kept, lost = self.kept | self._with_twins(keys), self._lost | self.cost(keys)
            if len(lost) <= most and len(kept) <= most_articles:
                self.kept, self._lost = kept, lost
                taken.append(keys)
        return taken

    def give_back(self, kept: frozenset[str]) -> None:
        """Keep these alone."""
        self.kept, self._lost = frozenset(), frozenset()
        self._lost = self.cost(kept)
        self.kept = kept

    def cost(self, keys: frozenset[str]) -> frozenset[int]:
        """The training issues that would go: those that cite one, and what stands beside those that become validation."""
        keys = self._with_twins(keys)
        kept = self.kept | keys
        gone = {row for key in keys for row in self._citing.get(key, ())}
        gone |= {other for row in gone if self._keys[row] <= kept for other in self._beside[self._group[row]]}
        return self._training & gone

    def strangers(self) -> int:
        """How many issues cite nothing but what is kept."""
        return len(self._whole())

    def groups(self) -> set[str]:
        """Of these issues."""
        return {self._group[row] for row in self._whole()}

    def _whole(self) -> list[int]:
        rows = {row for key in self.kept for row in self._citing.get(key, ())}
        return [row for row in rows if self._keys[row] <= self.kept]

    def _with_twins(self, keys: frozenset[str]) -> frozenset[str]:
        return keys.union(*(self._twins.get(key, frozenset()) for key in keys))


def _draw(seed: int, *keys: str) -> bytes:
    return hashlib.sha256(":".join((str(seed), *keys)).encode()).digest()


def _no_room(what: str, found: int) -> str:
    return (
        f"no {what} are kept out of training for validation: make_pairs.valid_unseen_{what} would give {found} queries, "
        f"and a slice takes {FEWEST}"
    )
