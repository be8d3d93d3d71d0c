"""Queries that the user labelled: `{query, positives: [article key, document key or citation, …]}`.

Does not check that a positive exists: that is known only once the corpus is built.
"""

import hashlib
from dataclasses import dataclass

from haechi.parsing.json_fields import Malformed, filled_text
from haechi.parsing.raw import RawDocument
from haechi.parsing.statute_types import Parsed
from haechi.records.dropped import Dropped
from haechi.text.normalize import one_line


@dataclass(frozen=True, slots=True)
class UserQuery:
    """A query and what answers it; the id is a hash of both."""

    query_id: str
    query: str
    positives: tuple[str, ...]
    source: str


def parse_query(raw: RawDocument) -> Parsed[UserQuery]:
    """The query, or the reason why it is none."""
    try:
        query = one_line(filled_text(raw.value, "query"))
        given = raw.value["positives"]
        if not isinstance(given, list) or not all(isinstance(positive, str) for positive in given):
            raise Malformed("wrong_type", "positives is no list of texts")
        positives = tuple(sorted({positive.strip() for positive in given if positive.strip()}))
        if not query:
            raise Malformed("blank_key", "query is blank")
        if not positives:
            raise Malformed("no_positives", f"has no positives: {query}")
    except Malformed as bad:
        return Parsed(None, 1, (Dropped(raw.source, raw.position, bad.reason, bad.detail),))
    digest = hashlib.sha256("\0".join((query, *positives)).encode()).hexdigest()
    return Parsed(UserQuery(f"USER_{digest[:16]}", query, positives, raw.source), 1, ())
