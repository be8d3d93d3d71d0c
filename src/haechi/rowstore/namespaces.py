"""The kinds of rows: what a value looks like, and whether money was paid for it."""

from dataclasses import dataclass
from typing import Literal

from haechi.runtime.errors import UsageError


@dataclass(frozen=True)
class Namespace:
    """One table of the store."""

    name: str
    codec: Literal["json", "vector"]
    paid: bool
    """Paid rows are on the disk before the next call goes out, and `prune` leaves them unless told."""


TOKENS = Namespace("tokens", "json", paid=False)
QUESTIONS = Namespace("questions", "json", paid=True)
EMBEDDINGS = Namespace("embeddings", "vector", paid=False)
SCORES = Namespace("scores", "json", paid=False)
JUDGEMENTS = Namespace("judgements", "json", paid=True)
DOCUMENTS = Namespace("documents", "json", paid=False)

ALL = (TOKENS, QUESTIONS, EMBEDDINGS, SCORES, JUDGEMENTS, DOCUMENTS)


def namespace(name: str) -> Namespace:
    """The namespace of that name."""
    for known in ALL:
        if known.name == name:
            return known
    raise UsageError(f"rows: no namespace {name!r}; there are {', '.join(known.name for known in ALL)}")
