"""The two entry points of the data stages: raw folder -> `RawCorpus` -> `Preprocessed`.

Every unit that is read (article, annex, addendum, decision section, document, user query, unreadable file or line) is
either kept or dropped under one reason; the counts say so and a test holds them to it. A dropped unit never stops the
run by itself: too many unreadable files do.
"""

from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from haechi.errors import DuplicateId, HaechiError
from haechi.law.documents import Document, parse_document
from haechi.law.nouns import Parsed, Statute
from haechi.law.passages import decision_passages, document_passages, statute_passages
from haechi.law.precedents import parse_decision
from haechi.law.queries import UserQuery, parse_query
from haechi.law.raw import UNREADABLE, Kind, RawDocument, read_raw
from haechi.law.rules import parse_rule
from haechi.law.statutes import parse_statute
from haechi.law.twins import link_twins
from haechi.params.preprocess import PreprocessParams
from haechi.records.decision import Decision
from haechi.records.dropped import Dropped
from haechi.records.passage import Passage

_PARSERS: dict[Kind, Callable[[RawDocument], Parsed[Any]]] = {
    "law": parse_statute,
    "admin": parse_rule,
    "precedent": parse_decision,
    "document": parse_document,
    "query": parse_query,
}


@dataclass(frozen=True, slots=True)
class RawCorpus:
    """Everything that a raw folder holds, in the order of its files."""

    statutes: tuple[Statute, ...]
    rules: tuple[Statute, ...]
    decisions: tuple[Decision, ...]
    documents: tuple[Document, ...]
    queries: tuple[UserQuery, ...]
    dropped: tuple[Dropped, ...]
    files: int
    unreadable: tuple[Dropped, ...]
    """One for each file from which nothing could be read."""
    units: int
    """Units met, kept or not."""


@dataclass(frozen=True, slots=True)
class Counts:
    """read = sum of kept + sum of dropped."""

    files: int
    read: int
    kept: dict[str, int]
    """Units by passage type (law, admin, prec, doc), and user queries."""
    dropped: dict[str, int]
    """Units by reason."""
    passages: dict[str, int]


@dataclass(frozen=True, slots=True)
class Preprocessed:
    """Passages by type, and what was set aside."""

    law: tuple[Passage, ...]
    admin: tuple[Passage, ...]
    prec: tuple[Passage, ...]
    doc: tuple[Passage, ...]
    dropped: tuple[Dropped, ...]
    counts: Counts


def read_corpus(raw: Path) -> RawCorpus:
    """Read and parse every file under `raw`."""
    found: dict[Kind, list[Any]] = {kind: [] for kind in _PARSERS}
    dropped: list[Dropped] = []
    files: set[str] = set()
    readable: set[str] = set()
    units = 0
    for document in read_raw(raw):
        files.add(document.source)
        if isinstance(document, Dropped):
            units += 1
            dropped.append(document)
            continue
        parsed = _PARSERS[document.kind](document)
        if parsed.value is not None or parsed.dropped[0].reason not in UNREADABLE:
            readable.add(document.source)
        units += parsed.units
        dropped += parsed.dropped
        if parsed.value is not None:
            found[document.kind].append(parsed.value)
    queries, twice = _distinct(found["query"])
    unreadable = {row.source: row for row in reversed(dropped) if row.reason in UNREADABLE and row.source not in readable}
    return RawCorpus(
        statutes=tuple(found["law"]),
        rules=tuple(found["admin"]),
        decisions=tuple(found["precedent"]),
        documents=tuple(found["document"]),
        queries=queries,
        dropped=(*dropped, *twice),
        files=len(files),
        unreadable=tuple(unreadable[source] for source in sorted(unreadable)),
        units=units,
    )


def preprocess(corpus: RawCorpus, params: PreprocessParams) -> Preprocessed:
    """Cut the corpus into passages; stop where too many files are unreadable or two passages claim one id."""
    _check_bad_share(corpus, params.max_bad_share)
    by_type = {
        "law": [passage for statute in corpus.statutes for passage in statute_passages(statute, params)],
        "admin": [passage for rule in corpus.rules for passage in statute_passages(rule, params)],
        "prec": [passage for decision in corpus.decisions for passage in decision_passages(decision, params)],
        "doc": [passage for document in corpus.documents for passage in document_passages(document, params)],
    }
    _check_ids(passage for passages in by_type.values() for passage in passages)
    dropped = (*corpus.dropped, *_not_asked_for((*corpus.statutes, *corpus.rules), params))
    linked = link_twins([passage for passages in by_type.values() for passage in passages])
    law, admin, prec, doc = (tuple(passage for passage in linked if passage.type == name) for name in by_type)
    counts = Counts(
        files=corpus.files,
        read=corpus.units,
        kept={
            "law": _distinct_keys(law),
            "admin": _distinct_keys(admin),
            "prec": sum(len(decision.sections) for decision in corpus.decisions),
            "doc": _distinct_keys(doc),
            "query": len(corpus.queries),
        },
        dropped=dict(sorted(Counter(row.reason for row in dropped).items())),
        passages={name: len(passages) for name, passages in by_type.items()},
    )
    return Preprocessed(law, admin, prec, doc, dropped, counts)


def _distinct(queries: list[UserQuery]) -> tuple[tuple[UserQuery, ...], list[Dropped]]:
    first: dict[str, UserQuery] = {}
    twice = []
    for query in queries:
        if query.query_id in first:
            twice.append(Dropped(query.source, query.query_id, "duplicate_query", first[query.query_id].source))
        else:
            first[query.query_id] = query
    return tuple(first.values()), twice


def _check_bad_share(corpus: RawCorpus, max_bad_share: float) -> None:
    bad = corpus.unreadable
    share = len(bad) / corpus.files
    if share > max_bad_share:
        named = ", ".join(f"{row.source} ({row.reason})" for row in bad[:3])
        raise HaechiError(
            f"{len(bad)} of {corpus.files} raw files ({share:.1%}) can't be read, more than preprocess.max_bad_share "
            f"allows ({max_bad_share:.1%}): {named}"
        )


def _check_ids(passages: Iterable[Passage]) -> None:
    sources: dict[str, str] = {}
    for passage in passages:
        if passage.id in sources:
            raise DuplicateId(passage.id, sources[passage.id], passage.source)
        sources[passage.id] = passage.source


def _not_asked_for(statutes: Iterable[Statute], params: PreprocessParams) -> Iterator[Dropped]:
    for statute in statutes:
        if not params.annexes:
            yield from (Dropped(statute.source, annex.label, "annexes_off") for annex in statute.annexes)
        if not params.addenda:
            yield from (Dropped(statute.source, addendum.label, "addenda_off") for addendum in statute.addenda)


def _distinct_keys(passages: Iterable[Passage]) -> int:
    return len({passage.article_key for passage in passages})
