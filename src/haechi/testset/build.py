"""Builds the test set: the newest decisions, articles that training never sees, held-out documents, user queries.

Reserving an article costs training data, so articles that few sections cite are reserved first.
"""

from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field, replace

import numpy as np

from haechi.citations.law_index import LawIndex
from haechi.pairs.query_text import law_name
from haechi.pairs.sections import UNTESTABLE, LabelledSection
from haechi.pairs.user_queries import LabelledUserQuery
from haechi.records.query import TestQuery
from haechi.runtime.errors import HaechiError
from haechi.testset.params import TestsetParams


@dataclass(frozen=True)
class Choice:
    """What goes to the test set, before questions are written for held-out documents."""

    queries: tuple[TestQuery, ...]
    first_date: str
    cutoff: str
    reserved: tuple[str, ...]
    held_out: tuple[str, ...]
    counts: dict[str, int] = field(default_factory=dict)


def choose(
    sections: Sequence[LabelledSection],
    documents: Sequence[str],
    user_queries: Sequence[LabelledUserQuery],
    index: LawIndex,
    params: TestsetParams,
) -> Choice:
    """Choose test decisions by time and group, reserved articles, held-out documents (ids) and user queries."""
    if not sections:
        raise HaechiError(f"testset: {UNTESTABLE}")
    rng = np.random.default_rng(params.seed)
    groups = _by_group(sections)
    newest_first = sorted(groups, key=lambda g: (max(s.date for s in groups[g]), g), reverse=True)
    test_groups = set(newest_first[: max(1, round(params.test_share * len(newest_first)))])
    first_date = min(max(s.date for s in groups[g]) for g in test_groups)
    # a group whose newest decision falls on the first test day goes with it: the boundary is a date, not a rank
    test_groups |= {g for g in groups if max(s.date for s in groups[g]) >= first_date}

    reserved = _reserve(sections, test_groups, params.unseen_queries, rng)
    unseen_groups = {s.group for s in sections if set(s.article_keys) & reserved}
    queries = [
        _query(s, reserved)
        for s in sections
        if s.group in test_groups or (s.group in unseen_groups and set(s.article_keys) <= reserved)
    ]
    titled = _titles(index, sections, reserved, params.title_queries, rng)
    reserved |= {key for query in titled for key in query.gold}
    queries = [replace(query, unseen=set(query.gold) <= reserved) for query in queries] + titled

    ids = sorted(documents)
    held_documents = {ids[i] for i in rng.permutation(len(ids))[: round(params.document_share * len(ids))]}
    users = sorted(user_queries, key=lambda user: user.query_id)
    chosen = [users[i] for i in rng.permutation(len(users))[: round(params.user_share * len(users))]]
    queries += [
        TestQuery(u.query_id, u.text, u.keys, "user", u.query_id, "", u.query_id, set(u.keys) <= reserved, u.names_positive)
        for u in chosen
    ]
    held_decisions = {s.source_id for s in sections if s.group in test_groups | unseen_groups}
    return Choice(
        queries=tuple(sorted(queries, key=lambda q: (q.suite, q.query_id))),
        first_date=first_date,
        cutoff=max(s.date for s in sections),
        reserved=tuple(sorted(reserved)),
        held_out=tuple(sorted(held_decisions | held_documents | {u.query_id for u in chosen})),
        counts={"test_groups": len(test_groups), "unseen_groups": len(unseen_groups - test_groups)},
    )


def _by_group(sections: Sequence[LabelledSection]) -> dict[str, list[LabelledSection]]:
    groups: dict[str, list[LabelledSection]] = defaultdict(list)
    for section in sections:
        groups[section.group].append(section)
    return groups


def _reserve(sections: Sequence[LabelledSection], test_groups: set[str], wanted: int, rng: np.random.Generator) -> set[str]:
    """Articles cited in the test period only, then rarely cited ones, until enough queries have only reserved gold."""
    old = Counter(key for s in sections if s.group not in test_groups for key in s.article_keys)
    cited = {key for s in sections for key in s.article_keys}
    reserved = {key for key in cited if not old[key]}
    candidates = sorted(cited - reserved)
    order = sorted(rng.permutation(len(candidates)), key=lambda i: min(old[candidates[i]] // 3, 3))  # rare ones first
    for place in order:
        if sum(set(s.article_keys) <= reserved for s in sections) >= wanted:
            break
        reserved.add(candidates[place])
    return reserved


def _titles(
    index: LawIndex, sections: Sequence[LabelledSection], reserved: set[str], wanted: int, rng: np.random.Generator
) -> list[TestQuery]:
    """Title look-ups on reserved articles first, then on articles that no decision cites."""
    cited = {key for s in sections for key in s.article_keys}
    first = sorted(key for key in reserved if index.title(key))
    others = sorted(key for key in index.article_keys if key not in cited and index.title(key))
    chosen = [first[i] for i in rng.permutation(len(first))] + [others[i] for i in rng.permutation(len(others))]
    return [
        TestQuery(f"TITLE_{key}", f"{law_name(key, index)} {index.title(key)}", (key,), "title", key, "", key, True, False)
        for key in chosen[:wanted]
    ]


def _query(section: LabelledSection, reserved: set[str]) -> TestQuery:
    return TestQuery(
        query_id=section.query_id,
        query_text=section.text,
        gold=section.article_keys,
        suite="precedent",
        group=section.group,
        date=section.date,
        source_id=section.source_id,
        unseen=set(section.article_keys) <= reserved,
        names_positive=section.names_positive,
    )
