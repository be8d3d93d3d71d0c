"""What differs from run to run: times, devices, disk, tokens and money, this machine. For the untracked page alone."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import orjson

from haechi.pipeline.git import git_or_none
from haechi.pipeline.stage_details import STAGES
from haechi.runtime.errors import HaechiError

PLACES = ("data", "models", "plots", ".haechi", ".dvc/cache")


@dataclass(frozen=True)
class StageCost:
    """The last run of a stage that went through, and all of its runs."""

    stage: str
    seconds: float
    ended: str
    host: str
    device: str
    memory_mb: int
    runs: int
    all_seconds: float


@dataclass(frozen=True)
class Paid:
    """Rows of the row store that came from one place."""

    namespace: str
    origin: str
    rows: int
    megabytes: float
    money: float


@dataclass(frozen=True)
class Local:
    """Everything of it that is known."""

    revision: str
    stages: Sequence[StageCost]
    disk: Sequence[tuple[str, int]]
    """Place -> bytes."""
    rows: Sequence[Paid]
    tokens: Mapping[str, tuple[int, int]]
    """What was asked of a language model -> tokens in and out."""


def look(root: Path) -> Local:
    """What this checkout knows of its own runs."""
    sizes = ((place, _size(root / place)) for place in PLACES)
    rows, tokens = _paid(root)
    return Local(_revision(root), _costs(root), [(place, size) for place, size in sizes if size], rows, tokens)


def _costs(root: Path) -> list[StageCost]:
    runs: dict[str, list[dict[str, Any]]] = {}
    file = root / ".haechi" / "stages.log.jsonl"
    for line in file.read_bytes().splitlines() if file.exists() else ():
        try:
            row = orjson.loads(line)
        except orjson.JSONDecodeError:
            continue  # the last line of a run that was cut off
        runs.setdefault(row["stage"], []).append(row)
    order = (*STAGES, "report")
    results = []
    for stage in sorted(runs, key=lambda name: (order.index(name) if name in order else len(order), name)):
        last = next((row for row in reversed(runs[stage]) if row["ok"]), runs[stage][-1])
        told = {key: last[key] for key in ("seconds", "ended", "host", "device", "memory_mb")}
        took = sum(row["seconds"] for row in runs[stage])
        results.append(StageCost(stage, **told, runs=len(runs[stage]), all_seconds=took))
    return results


def _paid(root: Path) -> tuple[list[Paid], dict[str, tuple[int, int]]]:
    """What the row store holds and what was paid for it; a store that isn't there is not made."""
    file = root / ".haechi" / "rows.sqlite"
    if not file.exists():
        return [], {}
    from haechi.rowstore import encoding
    from haechi.rowstore.maintenance import shares
    from haechi.rowstore.namespaces import ALL
    from haechi.rowstore.store import open_store

    tokens = {}
    with open_store(file) as store:
        rows = [
            Paid(
                share.namespace,
                ", ".join(str(value)[:24] for name, value in share.origin.items() if name in ("model", "generator", "judge")),
                share.rows,
                share.bytes / 1e6,
                share.cost,
            )
            for share in shares(store)
            if share.rows
        ]
        for namespace in (known for known in ALL if known.paid):
            used = [
                value["tokens"]
                for (data,) in store.rows(f"SELECT value FROM {namespace.name}")  # noqa: S608  (a constant of namespaces.py)
                if isinstance(value := encoding.unpacked(namespace, data), dict) and "tokens" in value
            ]
            if used:
                tokens[namespace.name] = (sum(one[0] for one in used), sum(one[1] for one in used))
    return rows, tokens


def _size(place: Path) -> int:
    """Bytes of a folder; what vanishes meanwhile counts nothing."""
    total = 0
    for file in place.rglob("*"):
        try:
            total += file.lstat().st_size if file.is_file() else 0
        except OSError:
            continue
    return total


def _revision(root: Path) -> str:
    """The commit, and whether files differ from it; empty outside git."""
    try:
        return (git_or_none(root, "describe", "--always", "--dirty") or "").strip()
    except HaechiError:
        return ""
