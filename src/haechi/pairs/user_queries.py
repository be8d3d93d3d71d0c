"""The user's own labelled queries: their positives, given as article or document keys or as citations, become article keys."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from difflib import get_close_matches

from haechi.citations.law_index import LawIndex
from haechi.citations.resolve import Resolved, parse_citations, resolve
from haechi.pairs.query_text import names_one
from haechi.parsing.queries import Use, UserQuery
from haechi.records.passage import Passage

_SUGGESTED = 5  # as many as are shown: the nearest of a large corpus's keys takes a second to find
_EXCERPT = 60


@dataclass(frozen=True, slots=True)
class LabelledUserQuery:
    """A user's query with the keys of what answers it."""

    query_id: str
    text: str
    keys: tuple[str, ...]
    names_positive: bool
    use: Use | None = None
    """None: test or training, as `testset.user_share` says."""


@dataclass(frozen=True)
class UserLabels:
    """What became of the user's queries."""

    queries: tuple[LabelledUserQuery, ...]
    counts: dict[str, int]
    unknown: tuple[str, ...]
    """One sentence for each positive that could not be found."""


Named = Mapping[str, Sequence[str]]
"""What a label may call a document -> keys of what it means."""


def named_documents(passages: Iterable[Passage]) -> Named:
    """A key means itself; a document that is judged by section, every section of it."""
    found: dict[str, dict[str, None]] = {}
    for passage in passages:
        if passage.type == "doc":
            for name in (passage.article_key, passage.parent_id):
                found.setdefault(name, {})[passage.article_key] = None
    return {name: tuple(keys) for name, keys in found.items()}


def label_user_queries(queries: Iterable[UserQuery], index: LawIndex, documents: Named) -> UserLabels:
    """The queries with at least one known positive; every positive that names nothing here is told of."""
    labelled: list[LabelledUserQuery] = []
    unknown: list[str] = []
    counts: Counter[str] = Counter()
    for query in queries:
        counts["read"] += 1
        keys_of = {positive: _keys(positive, index, documents) for positive in query.positives}
        keys = tuple(sorted({key for some in keys_of.values() for key in some}))
        counts["kept" if keys else "without_known_positive"] += 1
        for positive in (positive for positive, some in keys_of.items() if not some):
            counts["unknown_positives"] += 1
            near = _nearest(positive, index, documents) if len(unknown) < _SUGGESTED else ""
            named = f"{query.source}: query {query.query[:_EXCERPT]!r} names {positive[:_EXCERPT]!r}"
            unknown.append(f"{named}, which is no article or document here{f'; did you mean {near}?' if near else ''}")
        if keys:
            own = names_one(query.query, keys, index)
            labelled.append(LabelledUserQuery(query.query_id, query.query, keys, own, query.use))
    return UserLabels(tuple(labelled), dict(sorted(counts.items())), tuple(unknown))


def _nearest(positive: str, index: LawIndex, documents: Named) -> str:
    """The key that was probably meant, empty where none is like it; people forget DOC_, folders and `_` for spaces."""
    keys = sorted(index.article_keys if positive.startswith(("LAW_", "ADM_")) else documents)
    names = {key.rpartition("/")[2].removeprefix("DOC_"): key for key in keys} | {key.removeprefix("DOC_"): key for key in keys}
    written = "_".join(positive.removeprefix("DOC_").split())
    return next((names[name] for name in get_close_matches(written, names, 1)), "")


def _keys(positive: str, index: LawIndex, documents: Named) -> list[str]:
    if positive in index.article_keys:
        return [positive]
    if positive in documents:
        return list(documents[positive])
    answers = [resolve(citation, index, "") for citation in parse_citations(positive)]
    return [answer.article_key for answer in answers if isinstance(answer, Resolved)]
