"""Queries that the user labelled: `{query, positives: [article key, document key or citation, …]}`, and what for (`use`).

Does not check that a positive exists: that is known only once the corpus is built.
"""

import hashlib
from dataclasses import dataclass
from typing import Literal, get_args

from haechi.parsing.json_fields import Malformed, filled_text
from haechi.parsing.raw import RawDocument
from haechi.parsing.statute_types import Parsed
from haechi.records.dropped import Dropped
from haechi.text.normalize import one_line

Use = Literal["test", "validation", "training"]
"""What a labelled query may be kept for."""


@dataclass(frozen=True, slots=True)
class UserQuery:
    """A query and what answers it; the id is a hash of both, so it stays when the use changes."""

    query_id: str
    query: str
    positives: tuple[str, ...]
    source: str
    use: Use | None = None
    """None: test or training, as `testset.user_share` says."""


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
        use = raw.value.get("use")
        if use not in (None, *get_args(Use)):
            raise Malformed("unknown_use", f"use is {use!r}; write one of {', '.join(get_args(Use))}, or leave it out: {query}")
    except Malformed as bad:
        return Parsed(None, 1, (Dropped(raw.source, raw.position, bad.reason, bad.detail),))
    digest = hashlib.sha256("\0".join((query, *positives)).encode()).hexdigest()
    return Parsed(UserQuery(f"USER_{digest[:16]}", query, positives, raw.source, use), 1, ())
