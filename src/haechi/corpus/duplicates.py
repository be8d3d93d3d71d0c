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


def one_name(passages: Iterable[Passage]) -> dict[str, str]:
    """Article key -> the smallest key among the articles that say exactly the same: judged as one, they share their qrels."""
    bodies: dict[str, list[str]] = defaultdict(list)
    for passage in passages:
        bodies[passage.article_key].append(fold(passage.body))
    first: dict[tuple[str, ...], str] = {}
    return {key: first.setdefault(tuple(sorted(texts)), key) for key, texts in sorted(bodies.items())}
