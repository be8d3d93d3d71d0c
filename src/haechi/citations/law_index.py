"""The laws and rules at hand, looked up by name and article label.

Knows only what was read: a law outside the folder has no key. Two laws with one abbreviation: neither is found by it.
"""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass

from haechi.parsing.statute_types import Article, Statute
from haechi.text.normalize import fold


@dataclass(frozen=True, slots=True)
class Siblings:
    """The other live articles of the innermost chapter, and of the law; both in the order of the law."""

    chapter: tuple[str, ...]
    law: tuple[str, ...]


class LawIndex:
    """Names to laws, labels to article keys, article keys to titles and texts."""

    def __init__(self, statutes: Iterable[Statute], rules: Iterable[Statute] = ()) -> None:
        self._laws = {statute.key: statute for statute in (*statutes, *rules)}
        self._names = _name_table(self._laws.values())
        spoken = {name for law in self._laws.values() for name in (law.name, law.abbr) if name}
        self._spoken = tuple(sorted(spoken, key=lambda name: (-len(name), name)))
        self._articles = {
            f"{key}_{article.label}": (key, article) for key, statute in self._laws.items() for article in statute.articles
        }
        self._chapters: dict[tuple[str, tuple[str, ...]], list[str]] = {}
        self._live: dict[str, list[str]] = {key: [] for key in self._laws}
        for article_key, (key, article) in self._articles.items():
            if article.live:
                self._live[key].append(article_key)
                self._chapters.setdefault((key, article.chapters), []).append(article_key)

    @property
    def names(self) -> tuple[str, ...]:
        """All full names and abbreviations, the longest first: what running text is searched for."""
        return self._spoken

    @property
    def article_keys(self) -> frozenset[str]:
        """The keys of all live articles."""
        return frozenset(key for keys in self._live.values() for key in keys)

    def resolve(self, name: str) -> str | None:
        """The key (`LAW_000030`) of the law of that name or abbreviation, spaces and middle dots aside."""
        return self._names.get(fold(name))

    def law(self, law_key: str) -> Statute:
        """The law of a key."""
        return self._laws[law_key]

    def first_date(self, law_key: str) -> str:
        """The date from which the present numbering holds."""
        return self._laws[law_key].first_date

    def live_article(self, law_key: str, label: str) -> str | None:
        """The article key of a live article."""
        article_key = f"{law_key}_{label}"
        found = self._articles.get(article_key)
        return article_key if found and found[1].live else None

    def is_deleted(self, law_key: str, label: str) -> bool:
        """Whether the article once was there."""
        found = self._articles.get(f"{law_key}_{label}")
        return found is not None and not found[1].live

    def article(self, article_key: str) -> Article:
        """The article of a key."""
        return self._articles[article_key][1]

    def law_key(self, article_key: str) -> str:
        """The law that an article stands in."""
        return self._articles[article_key][0]

    def title(self, article_key: str) -> str:
        """The title of an article; empty where it has none."""
        return self.article(article_key).title

    def siblings(self, article_key: str) -> Siblings:
        """The live articles beside this one."""
        law_key, article = self._articles[article_key]
        chapter = self._chapters.get((law_key, article.chapters), [])
        return Siblings(
            tuple(key for key in chapter if key != article_key),
            tuple(key for key in self._live[law_key] if key != article_key),
        )


def _name_table(laws: Iterable[Statute]) -> dict[str, str]:
    laws = list(laws)
    table = {fold(law.name): law.key for law in laws}
    abbreviations = [(fold(name), law.key) for law in laws for name in _abbreviations(law, laws)]
    known = Counter(name for name, _ in set(abbreviations))
    return {name: key for name, key in abbreviations if known[name] == 1} | table


def _abbreviations(law: Statute, laws: list[Statute]) -> list[str]:
    """Its own, and that of its act followed by 시행령 or 시행규칙."""
    found = [law.abbr] if law.abbr else []
    for suffix in ("시행령", "시행규칙"):
        if law.name.endswith(f" {suffix}"):
            act = law.name.removesuffix(f" {suffix}")
            found += [f"{other.abbr} {suffix}" for other in laws if other.name == act and other.abbr]
    return found
