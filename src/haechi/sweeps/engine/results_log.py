"""What has been measured, one JSON line a trial, written when it ends and never changed.

The storage decides who does what; this log is what survives it. A line that a crash cut short is skipped, and so is what
follows it on that line: the next writer begins a new one.
"""

import os
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import msgspec
import orjson

from haechi.sweeps.engine.trial import State, Value


@dataclass(frozen=True)
class Entry:
    """One finished trial."""

    key: str
    study: str
    number: int
    params: Mapping[str, Value]
    seed: int
    kind: str
    state: State
    value: float | None
    base: Mapping[str, str]
    """Hashes of the other parameters, the data and the code."""
    steps: Mapping[str, float] = field(default_factory=dict)
    facts: Mapping[str, Any] = field(default_factory=dict)


class ResultsLog:
    """The file."""

    def __init__(self, file: Path) -> None:
        self.file = file

    def add(self, entry: Entry) -> None:
        """Append one line, on the disk when this returns."""
        self.file.parent.mkdir(parents=True, exist_ok=True)
        with self.file.open("ab+") as stream:
            size = stream.seek(0, os.SEEK_END)
            stream.seek(max(0, size - 1))
            torn = size and stream.read(1) != b"\n"
            stream.write((b"\n" if torn else b"") + orjson.dumps(asdict(entry), option=orjson.OPT_APPEND_NEWLINE))
            stream.flush()
            os.fsync(stream.fileno())

    def entries(self) -> Iterator[Entry]:
        """All whole lines, in the order in which trials ended."""
        if not self.file.is_file():
            return
        with self.file.open("rb") as stream:
            for line in stream:
                try:
                    yield msgspec.convert(orjson.loads(line), Entry)
                except (orjson.JSONDecodeError, msgspec.ValidationError):
                    continue

    def find(self, key: str) -> Entry | None:
        """The first entry with a result under this key."""
        return next((entry for entry in self.entries() if entry.key == key and entry.state in ("complete", "pruned")), None)
