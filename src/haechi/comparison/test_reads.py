"""How often a test set was read: test sets are spent by looking.

`data/reads.jsonl` is a tracked set of (test set, model, revision), sorted. `haechi compare`, `haechi reeval`
and `haechi learning-curve` add to it; no stage does, so no output of the pipeline depends on who looked before.
Looking twice at the same model changes nothing, and two branches merge by uniting their lines.
Models whose figures git has kept (commits, experiments) count too.
"""

from collections.abc import Iterable, Sequence, Set
from dataclasses import dataclass
from pathlib import Path

import orjson

from haechi.comparison.revisions import METRICS, WORKSPACE, Revision, read_objects
from haechi.pipeline.git import git
from haechi.runtime.files import read_records, write_jsonl

LEDGER = "data/reads.jsonl"


@dataclass(frozen=True, slots=True, order=True)
class Read:
    """One model's figures on one test set, seen by someone."""

    testset: str
    encoder: str
    revision: str


def record(root: Path, revisions: Iterable[Revision]) -> None:
    """Add these to the ledger."""
    add(root, {Read(r.test_version[0], str(r.metrics["encoder"]), r.commit[:12] or WORKSPACE) for r in revisions})


def add(root: Path, seen: Set[Read]) -> None:
    """The same for models that no revision holds."""
    before = _ledger(root)
    if not seen <= before:
        write_jsonl(root / LEDGER, sorted(before | seen))


def models_read(root: Path, testset: str) -> set[str]:
    """Models whose figures on this test set stand in the ledger or anywhere in git."""
    return {read.encoder for read in _ledger(root) if read.testset == testset} | _in_git(root, testset)


def _ledger(root: Path) -> set[Read]:
    return set(read_records(root / LEDGER, Read)) if (root / LEDGER).is_file() else set()


def _in_git(root: Path, testset: str) -> set[str]:
    log = git(root, "log", "--all", "--format=", "--raw", "--no-abbrev", "--no-renames", "-m", "--", METRICS)
    blobs = sorted({line.split()[3] for line in log.splitlines() if line.startswith(":") and line.split()[4] != "D"})
    return {encoder for blob in read_objects(root, blobs) if (encoder := _encoder(blob, testset))}


def _encoder(blob: bytes | None, testset: str) -> str:
    try:
        figures = orjson.loads(blob or b"{}")
    except orjson.JSONDecodeError:
        return ""
    return str(figures.get("encoder", "")) if figures.get("testset") == testset else ""


def sentence(count: int, fingerprint: str, names: Sequence[str]) -> str:
    """The count in a sentence."""
    return f"Test set {fingerprint} has been read for {count} model{'s' if count != 1 else ''}, these {len(names)} included."
