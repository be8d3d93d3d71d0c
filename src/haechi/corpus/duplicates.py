"""Passages that say the same words: linked to each other, and followed where something is held out."""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import replace

from haechi.records.passage import Passage
from haechi.text.normalize import fold


def link_twins(passages: Sequence[Passage]) -> list[Passage]:
    """The same passages in the same order; those whose bodies (all but the header line) say the same name each other."""
    same: dict[str, list[str]] = defaultdict(list)
    for passage in passages:
        same[fold(passage.body)].append(passage.id)
    return [replace(p, twins=tuple(sorted(id for id in same[fold(p.body)] if id != p.id))) for p in passages]


def with_duplicates(keys: frozenset[str], passages: Iterable[Passage]) -> frozenset[str]:
    """What is held out stays out: the article keys, the sections of such documents, and whatever repeats a passage of theirs."""
    passages = list(passages)
    keys |= {p.article_key for p in passages if p.type == "doc" and p.parent_id in keys}
    twins = {id for p in passages if p.article_key in keys for id in p.twins}
    return keys | {p.article_key for p in passages if p.id in twins}


def repeated_by(passages: Iterable[Passage]) -> dict[str, frozenset[str]]:
    """Article key -> the other articles that have a passage in common with it; only those that there are."""
    passages = list(passages)
    key_of = {passage.id: passage.article_key for passage in passages}
    repeats: dict[str, set[str]] = defaultdict(set)
    for passage in passages:
        repeats[passage.article_key] |= {key_of[id] for id in passage.twins if id in key_of} - {passage.article_key}
    return {key: frozenset(others) for key, others in repeats.items() if others}


def one_name(passages: Iterable[Passage]) -> dict[str, str]:
    """Article key -> the smallest key among the articles that say exactly the same: judged as one, they share their qrels."""
    bodies: dict[str, list[str]] = defaultdict(list)
    for passage in passages:
        bodies[passage.article_key].append(fold(passage.body))
    first: dict[tuple[str, ...], str] = {}
    return {key: first.setdefault(tuple(sorted(texts)), key) for key, texts in sorted(bodies.items())}
