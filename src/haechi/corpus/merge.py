"""One corpus out of several passage files: an id that occurs twice is an error, equal bodies are linked as twins."""

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import replace

from haechi.errors import DuplicateId
from haechi.law.text import fold
from haechi.records.passage import Passage


def merge(passages: Iterable[Passage]) -> list[Passage]:
    """All passages in order of id, each knowing its twins."""
    by_id: dict[str, Passage] = {}
    for passage in passages:
        if passage.id in by_id:
            raise DuplicateId(passage.id, by_id[passage.id].source, passage.source)
        by_id[passage.id] = passage
    same: dict[str, list[str]] = defaultdict(list)
    for passage in by_id.values():
        same[_body(passage)].append(passage.id)
    return [
        replace(passage, twins=tuple(sorted(id for id in same[_body(passage)] if id != passage.id)))
        for _, passage in sorted(by_id.items())
    ]


def _body(passage: Passage) -> str:
    """The text without its header line: the same words in two laws are still the same words."""
    return fold(passage.text.partition("\n")[2] or passage.text)


def counts(corpus: list[Passage]) -> dict[str, object]:
    """Passages and articles by type, and how many passages have a twin."""
    types = sorted({passage.type for passage in corpus})
    return {
        "passages": {kind: sum(p.type == kind for p in corpus) for kind in types},
        "articles": {kind: len({p.article_key for p in corpus if p.type == kind}) for kind in types},
        "with_twins": sum(bool(p.twins) for p in corpus),
    }
