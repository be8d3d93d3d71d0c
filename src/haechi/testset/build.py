"""Builds the test set: the newest decisions, articles that training never sees, held-out documents, user queries.

Where no decision cites anything, held-out texts stand in their place, for the test and for validation.
Reserving an article costs training data, so articles that few sections cite are reserved first.
"""

from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

import numpy as np

from haechi.citations.law_index import LawIndex
from haechi.pairs.query_text import law_name
from haechi.pairs.sections import LabelledSection
from haechi.pairs.user_queries import LabelledUserQuery
from haechi.records.query import Suite, TestQuery
from haechi.runtime.errors import HaechiError
from haechi.testset.params import TestsetParams
from haechi.testset.texts import Group, Slices, hold_out

FEWEST_TEXTS = 30
"""Documents (or articles) that a test and a validation on made questions take."""


@dataclass(frozen=True)
class Choice:
    """What goes to the test set, before questions are written for held-out texts."""

    primary: Suite
    queries: tuple[TestQuery, ...]
    slices: Slices
    first_date: str
    cutoff: str
    reserved: tuple[str, ...]
    held_out: tuple[str, ...]
    counts: dict[str, int] = field(default_factory=dict)


def choose(
    sections: Sequence[LabelledSection],
    texts: Sequence[Group],
    user_queries: Sequence[LabelledUserQuery],
    index: LawIndex,
    params: TestsetParams,
) -> Choice:
    """Choose test decisions by time and group, reserved articles, held-out texts and user queries."""
    may_test = sum(user.use in (None, "test") for user in user_queries)
    primary = primary_suite(len(sections), len(texts), may_test, params)
    rng = np.random.default_rng(params.seed)
    groups = _by_group(sections)
    test_groups, first_date = _newest(groups, params.test_share)
    reserved = _reserve(sections, test_groups, params.unseen_queries, rng)
    unseen_groups = {s.group for s in sections if set(s.article_keys) & reserved}
    queries = [
        _query(s, reserved)
        for s in sections
        if s.group in test_groups or (s.group in unseen_groups and set(s.article_keys) <= reserved)
    ]
    titled = _titles(index, sections, reserved, params.title_queries, rng)
    reserved |= {key for query in titled for key in query.gold}

    answers = {key for user in user_queries for key in user.keys}
    slices = hold_out(texts, params.document_share, reserved | answers, rng, validation=not sections)
    held = {key for group in (*slices.test, *slices.validation) for key in group}
    reserved |= held & index.article_keys
    queries = [replace(query, unseen=set(query.gold) <= reserved) for query in queries] + titled
    users = sorted((user for user in user_queries if user.use is None), key=lambda user: user.query_id)
    chosen = [users[i] for i in rng.permutation(len(users))[: round(params.user_share * len(users))]]
    chosen += [user for user in user_queries if user.use == "test"]
    queries += [
        TestQuery(u.query_id, u.text, u.keys, "user", u.query_id, "", u.query_id, set(u.keys) <= reserved, u.names_positive)
        for u in chosen
    ]
    held_decisions = {s.source_id for s in sections if s.group in test_groups | unseen_groups}
    return Choice(
        primary=primary,
        queries=tuple(sorted(queries, key=lambda q: (q.suite, q.query_id))),
        slices=slices,
        first_date=first_date,
        cutoff=max((s.date for s in sections), default=""),
        reserved=tuple(sorted(reserved)),
        held_out=tuple(sorted(held_decisions | (held - index.article_keys) | {u.query_id for u in chosen})),
        counts={"test_groups": len(test_groups), "unseen_groups": len(unseen_groups - test_groups)},
    )


def primary_suite(sections: int, texts: int, user_queries: int, params: TestsetParams) -> Suite:
    """The suite that parameters name, or the first of three that the folder can bear; refused where it can't."""
    if not sections and texts < FEWEST_TEXTS:
        raise HaechiError(
            f"testset: too few documents to test on: it takes {FEWEST_TEXTS} that don't nearly repeat each other "
            f"(here: {texts}); add more, or court decisions with the laws that they cite"
        )
    bearable = {"precedent": sections > 0, "user": user_queries > 0, "synthetic": texts >= FEWEST_TEXTS}
    if params.primary == "auto":
        bearable["user"] = user_queries >= params.min_user_queries
        return next(suite for suite in ("precedent", "user", "synthetic") if bearable[suite])
    if not bearable[params.primary]:
        lacking = {
            "precedent": "no decision cites an article of the corpus",
            "user": "there are no labelled queries",
            "synthetic": f"it takes {FEWEST_TEXTS} documents that don't nearly repeat each other (here: {texts})",
        }
        raise HaechiError(f"testset.primary: {params.primary}: {lacking[params.primary]}; `auto` takes what the folder can bear")
    return params.primary


def _newest(groups: Mapping[str, Sequence[LabelledSection]], share: float) -> tuple[set[str], str]:
    """The newest groups of decisions, and the first day of theirs; none and no day without decisions."""
    if not groups:
        return set(), ""
    newest = {group: max(s.date for s in sections) for group, sections in groups.items()}
    newest_first = sorted(groups, key=lambda group: (newest[group], group), reverse=True)
    first_date = min(newest[group] for group in newest_first[: max(1, round(share * len(groups)))])
    # a group whose newest decision falls on the first test day goes with it: the boundary is a date, not a rank
    return {group for group in groups if newest[group] >= first_date}, first_date


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
