"""The manifest of the frozen test set, and the one way to read that set: checked against it."""

import hashlib
from dataclasses import asdict, dataclass
from pathlib import Path

import orjson

from haechi.records.held_out import HeldOut
from haechi.records.query import Suite, TestQuery
from haechi.runtime.errors import HaechiError, TestSetChanged
from haechi.runtime.files import read_record, read_records, sha256_file

QUERIES, QRELS, TREC, MANIFEST = "queries.jsonl", "qrels.jsonl", "qrels.trec", "manifest.json"


@dataclass(frozen=True)
class Manifest:
    """What the test set holds, what it keeps away from training, and the sha256 of its files."""

    first_date: str
    """Decisions from this date on are not for training."""
    cutoff: str
    """The newest decision that was there when the set was built; later ones wait for a refresh."""
    reserved_articles: tuple[str, ...]
    """No training text is made from these, and none of them is mined."""
    held_out_documents: tuple[str, ...]
    """Ids of decisions, documents and user queries that the set was made from, with all members of their groups."""
    held_out_keys: tuple[str, ...]
    """Hashes of case numbers and issue texts of the held-out decisions: a newcomer that shares one is held out too."""
    near_duplicate: float
    """Similarity at which a training query counts as a leak."""
    counts: dict[str, int]
    files: dict[str, str]
    """File name -> sha256."""
    fingerprint: str
    """One hash of all the rest; it stands in metrics files, and unlike fingerprints are never compared."""
    primary: Suite = "precedent"
    """The suite that the headline is measured on."""


@dataclass(frozen=True)
class TestSet:
    """The frozen queries with their manifest."""

    __test__ = False

    queries: tuple[TestQuery, ...]
    validation: tuple[TestQuery, ...]
    """Questions by which models are chosen; none where decisions give validation pairs."""
    manifest: Manifest

    @property
    def primary(self) -> Suite:
        """The suite that the headline is measured on."""
        return self.manifest.primary

    @property
    def fingerprint(self) -> str:
        """What names this test set in metrics files."""
        return self.manifest.fingerprint


def fingerprint(manifest: Manifest) -> str:
    """One hash over everything else that the manifest says, the hashes of the files among it."""
    rest = {name: value for name, value in asdict(manifest).items() if name != "fingerprint"}
    if rest["primary"] == "precedent":  # sets that were frozen when there was no other keep their name
        del rest["primary"]
    return hashlib.sha256(orjson.dumps(rest, option=orjson.OPT_SORT_KEYS)).hexdigest()[:16]


def load_testset(folder: Path) -> TestSet:
    """Read the test set; refuse it if a file is not the one that the manifest describes."""
    if not (folder / MANIFEST).exists():
        raise HaechiError(f"{folder / MANIFEST}: no such file; build the test set with `haechi testset refresh`")
    manifest = read_record(folder / MANIFEST, Manifest, "a test set manifest")
    if manifest.files.keys() != {QUERIES, QRELS, TREC}:
        raise HaechiError(
            f"{folder / MANIFEST}: should name {QUERIES}, {QRELS} and {TREC}, names {', '.join(manifest.files) or 'no file'}"
        )
    if (present := fingerprint(manifest)) != manifest.fingerprint:
        raise TestSetChanged(folder / MANIFEST, manifest.fingerprint, present)
    for name, expected in manifest.files.items():
        if not (folder / name).exists():
            raise HaechiError(f"{folder / name}: the frozen test set misses this file; restore it with git")
        present = sha256_file(folder / name)
        if present != expected:
            raise TestSetChanged(folder / name, expected, present)
    queries = list(read_records(folder / QUERIES, TestQuery))
    tests, validation = (tuple(q for q in queries if (q.suite == "validation") is wanted) for wanted in (False, True))
    return TestSet(tests, validation, manifest)


def held_out(testset: TestSet) -> HeldOut:
    """Dates, articles, sources and texts that training must not touch."""
    manifest = testset.manifest
    return HeldOut(
        first_date=manifest.first_date,
        cutoff=manifest.cutoff,
        articles=frozenset(manifest.reserved_articles),
        sources=frozenset(manifest.held_out_documents),
        keys=frozenset(manifest.held_out_keys),
        gold=frozenset(key for query in testset.queries for key in query.gold),
        query_texts=tuple(query.query_text for query in (*testset.queries, *testset.validation)),
        near_duplicate=manifest.near_duplicate,
        validation=testset.validation,
    )
