"""history.jsonl: what happened in a training, a row for each thing that happened; one writer, one reader."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any

import msgspec

from haechi.runtime.errors import BadRecord
from haechi.runtime.files import read_records, write_jsonl


@dataclass(frozen=True)
class HistoryRow:
    """Figures of the log or of a validation, a step that was skipped, or what a guard did."""

    step: int
    figures: Mapping[str, int | float | None] = field(default_factory=dict)
    """`loss`, `learning_rate` and the like of the log, `valid_...` of a validation, in the order of the file."""
    skipped: str = ""
    """What of the step was not finite: loss or gradient."""
    batch: tuple[str, ...] = ()
    """Queries of a skipped step."""
    event: str = ""
    """What a guard did: lower_lr, rollback or stop."""
    rule: str = ""
    """Which one."""
    to: int | None = None
    """The step whose weights were put back."""

    def as_json(self) -> dict[str, Any]:
        """What the file holds of it."""
        line: dict[str, Any] = {"step": self.step, **self.figures}
        if self.skipped:
            line |= {"skipped": self.skipped, "batch": self.batch}
        if self.event:
            line |= {"event": self.event, "rule": self.rule}
        return line if self.to is None else {**line, "to": self.to}


_NAMED = {one.name for one in fields(HistoryRow)} - {"figures"}


def row_of(line: Mapping[str, Any]) -> HistoryRow:
    """The row that a line of the file says; whatever has no name of its own is a figure."""
    named = {name: value for name, value in line.items() if name in _NAMED}
    return msgspec.convert({**named, "figures": {name: line[name] for name in line if name not in _NAMED}}, HistoryRow)


def write_history(file: Path, rows: Iterable[HistoryRow]) -> None:
    """Rows in the order given, and figures in theirs."""
    write_jsonl(file, (row.as_json() for row in rows))


def read_history(file: Path) -> list[HistoryRow]:
    """The rows of a file; a line that holds anything else is an error with its number."""
    rows = []
    for number, line in enumerate(read_records(file, dict), start=1):
        try:
            rows.append(row_of(line))
        except msgspec.ValidationError as error:
            raise BadRecord(file, number, "a row of a history", str(error)) from error
    return rows
