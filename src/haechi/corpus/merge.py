"""One corpus out of several passage files: an id that occurs twice is an error, equal bodies are linked as twins."""

from collections.abc import Iterable
from typing import Any

from haechi.corpus.duplicates import link_twins
from haechi.records.passage import Passage
from haechi.runtime.errors import DuplicateId


def merge(passages: Iterable[Passage]) -> list[Passage]:
    """All passages in order of id, each knowing its twins."""
    by_id: dict[str, Passage] = {}
    for passage in passages:
        if passage.id in by_id:
            raise DuplicateId(passage.id, by_id[passage.id].source, passage.source)
        by_id[passage.id] = passage
    return link_twins([passage for _, passage in sorted(by_id.items())])


def counts(corpus: list[Passage]) -> dict[str, Any]:
    """Passages and articles by type, and how many passages have a twin."""
    types = sorted({passage.type for passage in corpus})
    return {
        "passages": {kind: sum(p.type == kind for p in corpus) for kind in types},
        "articles": {kind: len({p.article_key for p in corpus if p.type == kind}) for kind in types},
        "with_twins": sum(bool(p.twins) for p in corpus),
    }
