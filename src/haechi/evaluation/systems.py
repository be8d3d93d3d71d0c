"""The systems that are compared on the same queries: each is a run over articles."""

import math
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

from haechi.records.pair import Pair
from haechi.retrieval.run import Run
from haechi.runtime.errors import BadRecord
from haechi.runtime.files import read_text

SUFFIXES = (".trec", ".run")
COLUMNS = "`query Q0 id rank score tag`"


def read_run(path: Path) -> dict[str, list[tuple[str, float]]]:
    """Query id -> (id, score); the scores decide, as trec_eval has it, not the ranks."""
    lists: dict[str, list[tuple[str, float]]] = defaultdict(list)
    seen: set[tuple[str, str]] = set()
    for number, line in enumerate(read_text(path).splitlines(), start=1):
        parts = line.split()
        if not parts:
            continue
        if len(parts) != 6:
            raise BadRecord(path, number, COLUMNS, f"{len(parts)} columns")
        query_id, id, score = parts[0], parts[2], _number(parts[4])
        if score is None:
            raise BadRecord(path, number, "a finite score", parts[4])
        if (query_id, id) in seen:
            raise BadRecord(path, number, "each id once a query", f"{id} again for query {query_id}")
        seen.add((query_id, id))
        lists[query_id].append((id, score))
    if not lists:
        raise BadRecord(path, 1, COLUMNS, "nothing")
    return dict(lists)


def _number(text: str) -> float | None:
    try:
        value = float(text)
    except ValueError:
        return None
    return value if math.isfinite(value) else None


def popularity(pairs: Iterable[Pair], name: Mapping[str, str], query_ids: Sequence[str], depth: int) -> Run:
    """The articles that training decisions cite most, whatever the query: what a model must beat to have read it."""
    cited = Counter(name[key] for pair in pairs if pair.meta.type == "precedent" for key in pair.meta.article_keys)
    ranked = sorted(cited, key=lambda key: (-cited[key], key))[:depth]
    return Run({query_id: [(key, float(-rank)) for rank, key in enumerate(ranked)] for query_id in query_ids})
