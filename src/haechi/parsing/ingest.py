"""The two entry points of the data stages: raw folder -> `RawCorpus` -> `Preprocessed`.

Every unit that is read (article, annex, addendum, decision section, document, user query, unreadable file or line) is
either kept or dropped under one reason; the counts say so and a test holds them to it. A dropped unit never stops the
run by itself: too many unreadable files do, and one id with two contents. What is saved twice is read once.
"""

from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from haechi.corpus.duplicates import link_twins
from haechi.parsing.admin_rules import parse_rule
from haechi.parsing.decisions import parse_decision
from haechi.parsing.documents import Document, parse_document
from haechi.parsing.params import PreprocessParams
from haechi.parsing.passages import decision_passages, document_passages, statute_passages
from haechi.parsing.queries import UserQuery, parse_query
from haechi.parsing.raw import UNREADABLE, Kind, RawDocument, place, read_raw
from haechi.parsing.statute_types import Parsed, Statute
from haechi.parsing.statutes import parse_statute
from haechi.records.decision import Decision
from haechi.records.dropped import Dropped
from haechi.records.passage import Passage
from haechi.runtime.errors import ConflictingIds, DuplicateId, HaechiError

_PARSERS: dict[Kind, Callable[[RawDocument], Parsed[Any]]] = {
    "law": parse_statute,
    "admin": parse_rule,
    "precedent": parse_decision,
    "document": parse_document,
    "query": parse_query,
}
_IDS: dict[Kind, Callable[[Any], str]] = {
    "law": lambda statute: statute.key,
    "admin": lambda rule: rule.key,
    "precedent": lambda decision: f"PREC_{decision.id}",
    "document": lambda document: f"DOC_{document.docid}",
    "query": lambda query: query.query_id,
}
_TO_MEND = UNREADABLE | {"empty_document", "no_positives", "unknown_use"}
_EXCERPT = 120  # characters of a detail: quarantine.jsonl says why, the raw file holds the text
_FEW = (
    3  # in a small folder a few bad files are no sign of a wrong one; the screen names them, and half of the files must be sound
)


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
    converted: tuple[str, ...] = ()
    """Files whose text was not UTF-8 and was read all the same."""


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


class _Found:
    """What was read so far, each id once; `conflicts` are ids that stand for two contents, with both places."""

    def __init__(self) -> None:
        self._values: dict[str, tuple[Kind, Any, str]] = {}
        self.conflicts: list[tuple[str, str, str]] = []

    def take(self, document: RawDocument, value: Any) -> Dropped | None:
        """Keep the value, or say why not: its id is there already."""
        here, id = place(document.source, document.position), _IDS[document.kind](value)
        _, first, there = self._values.setdefault(id, (document.kind, value, here))
        if first is value:
            return None
        if replace(value, source=first.source) != first:
            self.conflicts.append((id, there, here))
        return Dropped(document.source, document.position, f"duplicate_{document.kind}", f"is the same as {there}")

    def of(self, kind: Kind) -> tuple[Any, ...]:
        """All of one kind, in the order of their files."""
        return tuple(value for known, value, _ in self._values.values() if known == kind)


def read_corpus(raw: Path) -> RawCorpus:
    """Read and parse every file under `raw`; an id that stands for two contents is an error."""
    found = _Found()
    dropped: list[Dropped] = []
    files: set[str] = set()
    readable: set[str] = set()
    converted: dict[str, None] = {}
    units = 0
    for document in read_raw(raw):
        files.add(document.source)
        if isinstance(document, Dropped):
            units += 1
            dropped.append(document)
            continue
        if document.encoding:
            converted[document.source] = None
        parsed = _PARSERS[document.kind](document)
        if parsed.value is not None or parsed.dropped[0].reason not in UNREADABLE:
            readable.add(document.source)
        if parsed.value is not None and (twin := found.take(document, parsed.value)):
            units += 1
            dropped.append(twin)
            continue
        units += parsed.units
        dropped += parsed.dropped
    if found.conflicts:
        raise ConflictingIds(found.conflicts)
    unreadable = {row.source: row for row in reversed(dropped) if row.reason in UNREADABLE and row.source not in readable}
    return RawCorpus(
        statutes=found.of("law"),
        rules=found.of("admin"),
        decisions=found.of("precedent"),
        documents=found.of("document"),
        queries=found.of("query"),
        dropped=tuple(replace(row, position=row.position[:_EXCERPT], detail=row.detail[:_EXCERPT]) for row in dropped),
        files=len(files),
        unreadable=tuple(unreadable[source] for source in sorted(unreadable)),
        units=units,
        converted=tuple(converted),
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
            "doc": len({passage.parent_id for passage in doc}),
            "query": len(corpus.queries),
        },
        dropped=dict(sorted(Counter(row.reason for row in dropped).items())),
        passages={name: len(passages) for name, passages in by_type.items()},
    )
    return Preprocessed(law, admin, prec, doc, dropped, counts)


def complaints(corpus: RawCorpus) -> list[str]:
    """One line a file that can't be used or holds something that can't: the first place and what to do about it."""
    rows: dict[str, list[Dropped]] = {}
    for row in corpus.dropped:
        if row.reason in _TO_MEND:
            rows.setdefault(row.source, []).append(row)
    return [
        f"{place(source, row.position)}: {row.detail}" + (f" (and {len(others)} more in this file)" if others else "")
        for source, (row, *others) in rows.items()
    ]


def saved_twice(corpus: RawCorpus) -> str:
    """How many records are there already under another name, which of the first two stays, and which goes; empty without any."""
    rows = [row for row in corpus.dropped if row.reason.startswith("duplicate_")]
    if not rows:
        return ""
    count = "1 record that is saved twice is" if len(rows) == 1 else f"{len(rows):,} records that are saved twice are"
    first = place(rows[0].source, rows[0].position)
    return f"{count} left out{', such as' if len(rows) > 1 else ':'} {first} {rows[0].detail}, which is kept"


def not_utf8(corpus: RawCorpus) -> str:
    """How many files were in the encoding of older Korean programs, or empty."""
    if not (files := corpus.converted):
        return ""
    count = f"{files[0]} is" if len(files) == 1 else f"{len(files):,} files, such as {files[0]}, are"
    return f"{count} not UTF-8 (CP949 or UTF-16) and converted while reading"


def _check_bad_share(corpus: RawCorpus, max_bad_share: float) -> None:
    bad = corpus.unreadable
    share = len(bad) / corpus.files
    if len(bad) > max(max_bad_share * corpus.files, min(_FEW, corpus.files // 2)):
        reasons = ", ".join(f"{reason} {count}" for reason, count in Counter(row.reason for row in bad).most_common())
        raise HaechiError(
            f"{len(bad)} of {corpus.files} raw files ({share:.1%}) can't be read, more than preprocess.max_bad_share "
            f"allows ({max_bad_share:.1%}): {reasons}; quarantine.jsonl names each and says what to do"
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
