"""Numbered issues of decisions joined with the articles cited under the same number: almost free, precise labels."""

import hashlib
from collections import Counter, defaultdict
from collections.abc import Iterable
from dataclasses import dataclass

from haechi.citations.law_index import LawIndex
from haechi.citations.resolve import Resolved, parse_citations, resolve
from haechi.pairs.query_text import names_one, query_text
from haechi.records.decision import Decision
from haechi.text.grouping import group_of
from haechi.text.normalize import fold


@dataclass(frozen=True, slots=True)
class LabelledSection:
    """One issue with the live articles that its section cites."""

    query_id: str
    text: str
    holding: str
    article_keys: tuple[str, ...]
    cocited: tuple[str, ...]
    """Live articles cited anywhere in the decision."""
    source_id: str
    group: str
    date: str
    names_positive: bool
    keys: tuple[str, ...]
    """Hashes of the case numbers and issue texts of all decisions of the group, for comparison with a frozen test set."""


@dataclass(frozen=True)
class LabelledSections:
    """All labelled sections, and why citations or sections were left out."""

    sections: tuple[LabelledSection, ...]
    counts: dict[str, int]
    """citations read, resolved, unresolved by reason; sections read, kept, without usable citation."""


def label_sections(decisions: Iterable[Decision], index: LawIndex, *, old_citations: bool, admin: bool) -> LabelledSections:
    """Resolve the citations of every section and keep the sections that have a live article."""
    decisions = list(decisions)
    counts: Counter[str] = Counter()
    keys_of = {d.id: decision_keys(d) for d in decisions}
    groups = group_of(keys_of)
    group_keys: dict[str, set[str]] = defaultdict(set)
    for id, cited_keys in keys_of.items():
        group_keys[groups[id]].update(cited_keys)
    kept: list[LabelledSection] = []
    for decision in decisions:
        cited = [
            _articles(section.citations, decision.date, index, old_citations, admin, counts) for section in decision.sections
        ]
        cocited = tuple(sorted({key for keys in cited for key in keys}))
        for section, keys in zip(decision.sections, cited, strict=True):
            counts["sections.read"] += 1
            text = query_text(section.issue)
            if not keys or not text:
                counts["sections.without_article" if text else "sections.without_issue"] += 1
                continue
            counts["sections.kept"] += 1
            kept.append(
                LabelledSection(
                    query_id=f"PREC_{decision.id}_s{section.number}",
                    text=text,
                    holding=query_text(section.holding),
                    article_keys=keys,
                    cocited=cocited,
                    source_id=f"PREC_{decision.id}",
                    group=f"PREC_{groups[decision.id]}",
                    date=decision.date,
                    names_positive=names_one(text, keys, index),
                    keys=tuple(sorted(group_keys[groups[decision.id]])),
                )
            )
    return LabelledSections(tuple(kept), dict(sorted(counts.items())))


def decision_keys(decision: Decision) -> list[str]:
    """What a decision may share with another so that both belong to one group: case numbers and issue texts, hashed."""
    numbers = [f"case:{number}" for number in decision.case_numbers]
    issues = [f"issue:{fold(query_text(section.issue))}" for section in decision.sections if section.issue.strip()]
    return [hashlib.sha256(key.encode()).hexdigest()[:16] for key in numbers + issues]


def _articles(
    citations: str, date: str, index: LawIndex, old_citations: bool, admin: bool, counts: Counter[str]
) -> tuple[str, ...]:
    keys: dict[str, None] = {}  # a set that keeps the order of citation
    for citation in parse_citations(citations):
        counts["citations.read"] += 1
        answer = resolve(citation, index, date)
        if not isinstance(answer, Resolved):
            reason: str = answer.reason
        elif answer.tier == "old" and not old_citations:
            reason = "old_form"
        elif answer.article_key.startswith("ADM_") and not admin:
            reason = "administrative_rule"
        else:
            counts[f"citations.resolved.{answer.tier}"] += 1
            keys[answer.article_key] = None
            continue
        counts[f"citations.unresolved.{reason}"] += 1
    return tuple(keys)
