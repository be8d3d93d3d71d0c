"""What laws and administrative rules are made of, whichever format they were read from."""

from dataclasses import dataclass
from typing import Generic, Literal, TypeVar

from haechi.records.dropped import Dropped

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Subitem:
    """목: `가`."""

    label: str
    text: str
    live: bool


@dataclass(frozen=True, slots=True)
class Item:
    """호: `제3호`, `제1호의2`."""

    label: str
    text: str
    subitems: tuple[Subitem, ...]
    live: bool


@dataclass(frozen=True, slots=True)
class Paragraph:
    """항: `제1항`; the label is empty where items hang on the article itself."""

    label: str
    text: str
    items: tuple[Item, ...]
    live: bool


@dataclass(frozen=True, slots=True)
class Article:
    """조: the label is `제28조의2` or `제9-5조`; `lead` is the text before the first paragraph."""

    label: str
    title: str
    chapters: tuple[str, ...]
    lead: str
    paragraphs: tuple[Paragraph, ...]
    live: bool


@dataclass(frozen=True, slots=True)
class Annex:
    """별표 or 별첨: `별표1의2`. Forms (서식, 별지) are never read."""

    label: str
    title: str
    text: str
    live: bool


@dataclass(frozen=True, slots=True)
class Addendum:
    """부칙 of one amendment; the label is `부칙_19580222_제471호`."""

    label: str
    date: str
    text: str


@dataclass(frozen=True, slots=True)
class Statute:
    """A law, decree or administrative rule. `type` says which: their ids begin with LAW and ADM."""

    type: Literal["law", "admin"]
    law_id: str
    name: str
    abbr: str
    kind: str
    date: str
    """Effective date."""
    first_date: str
    """The earliest 부칙공포일자: enactment or last full revision. Older decisions cite by another numbering."""
    articles: tuple[Article, ...]
    annexes: tuple[Annex, ...]
    addenda: tuple[Addendum, ...]
    source: str

    @property
    def key(self) -> str:
        """`LAW_000030`, `ADM_78016`: the beginning of all its ids."""
        return f"{'LAW' if self.type == 'law' else 'ADM'}_{self.law_id}"


@dataclass(frozen=True, slots=True)
class Parsed(Generic[T]):
    """What a parser made of one raw document. `units` is counted on the raw side: it equals units kept + dropped."""

    value: T | None
    units: int
    dropped: tuple[Dropped, ...]
