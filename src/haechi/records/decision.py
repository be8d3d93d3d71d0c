"""A court decision as read: numbered sections of issues, holdings and citations."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Section:
    """One numbered section: issue n, its holding and the citation string of the same number."""

    number: int
    """0 where the decision has a single unnumbered section."""
    issue: str
    holding: str
    citations: str
    """The raw 참조조문 text of this section, tags removed."""


@dataclass(frozen=True, slots=True)
class Decision:
    """A precedent without its tags and link residue."""

    id: str
    """판례일련번호"""
    name: str
    case_numbers: tuple[str, ...]
    court: str
    kind: str
    date: str
    sections: tuple[Section, ...]
    source: str
