"""What a person sees while a stage runs: bars on a terminal, one line otherwise, and a table at the end."""

import sys
from collections.abc import Iterable, Iterator, Sequence
from typing import TypeVar

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn
from rich.table import Table

T = TypeVar("T")


def console() -> Console:
    """Standard output, texts as they are: `[/형법]` is no style; a pipe gets 120 columns so that tables in logs are not cut."""
    return Console(width=None if sys.stdout.isatty() else 120, highlight=False, markup=False, emoji=False)


def track(items: Iterable[T], title: str, total: int | None = None) -> Iterator[T]:
    """Iterate with a progress bar on a terminal; silently elsewhere."""
    if not sys.stderr.isatty():
        yield from items
        return
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, console=Console(stderr=True), transient=True) as bar:
        yield from bar.track(items, description=title, total=total)


def say(message: str) -> None:
    """One line for the reader of the log, however long: a command in it can be copied."""
    console().print(message, soft_wrap=True)


def show_table(title: str, columns: Sequence[str], rows: Iterable[Sequence[object]], figures: bool = True) -> None:
    """Print a table; the first column is a name, the others are figures or, where told, texts."""
    table = Table(title=title, title_justify="left")
    for index, column in enumerate(columns):
        table.add_column(column, justify="left" if index == 0 or not figures else "right", overflow="fold")
    for row in rows:
        table.add_row(*(str(cell) for cell in row))
    console().print(table)


def show_counts(stage: str, counts: dict[str, object]) -> None:
    """The closing table of a data stage: nested counts as `name.part`."""
    show_table(stage, ("what", "count"), list(_flatten("", counts)))


def _flatten(prefix: str, value: object) -> Iterator[tuple[str, object]]:
    if isinstance(value, dict):
        for key, inner in value.items():
            yield from _flatten(f"{prefix}.{key}" if prefix else str(key), inner)
    else:
        yield prefix, value
