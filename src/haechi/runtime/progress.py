"""What a person sees while a stage runs: bars on a terminal, one line otherwise, and a short summary at the end."""

import sys
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from typing import TypeVar

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, ProgressColumn, Task, TextColumn, TimeRemainingColumn
from rich.table import Table
from rich.text import Text

T = TypeVar("T")

_words: ContextVar[Callable[[str], str]] = ContextVar("words", default=str)
LISTED = 6
"""Reasons that a stage names on the screen."""


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


class Rate(ProgressColumn):
    """How many a second, or how many seconds one takes."""

    def render(self, task: Task) -> Text:
        """Nothing until it is known."""
        speed = task.finished_speed or task.speed
        return Text("" if not speed else f"{speed:.1f}/s" if speed >= 1 else f"{1 / speed:.1f} s each")


class Bar:
    """How far a long work is: rate, time left, and the last thing that was found. On a terminal alone, silent elsewhere.

    What is said while it is up goes above it. It counts as begun at `done`: a resumed work's rate is that of today.
    """

    _up: "Bar | None" = None

    def __init__(self, title: str, total: int, done: int = 0) -> None:
        self._bar: Progress | None = None
        if not sys.stderr.isatty():
            return
        plain, note = TextColumn("{task.description}", markup=False), TextColumn("{task.fields[note]}", markup=False)
        columns = (plain, BarColumn(), MofNCompleteColumn(), Rate(), TimeRemainingColumn(), note)
        # texts that go to a file while the bar is on the terminal must stay there
        both = sys.stdout.isatty()
        self._bar = Progress(*columns, console=Console(stderr=True), transient=True, redirect_stdout=both)
        self._task = self._bar.add_task(title, total=total, completed=done, note="")
        self._bar.start()
        Bar._up = self if both else None

    def at(self, done: int, note: str = "") -> None:
        """So many are done."""
        if self._bar:
            self._bar.update(self._task, completed=done, note=note)

    def close(self) -> None:
        """Take it away."""
        if self._bar:
            self._bar.stop()
        if Bar._up is self:
            Bar._up = None

    @classmethod
    def console(cls) -> Console | None:
        """Where to print while a bar is up on the terminal that standard output is on too."""
        return cls._up._bar.console if cls._up and cls._up._bar else None


def say(message: str) -> None:
    """One line for the reader of the log, however long: a command in it can be copied."""
    (Bar.console() or console()).print(_words.get()(message), soft_wrap=True, markup=False, highlight=False, emoji=False)


@contextmanager
def worded(words: Callable[[str], str]) -> Iterator[None]:
    """Lines are put into these words within the block: those of a stage that has another's work done."""
    token = _words.set(words)
    try:
        yield
    finally:
        _words.reset(token)


def say_few(lines: Sequence[str], rest: str = "") -> None:
    """The first five lines, and how many there are beyond them."""
    for line in lines[:5]:
        say(line)
    if len(lines) > 5:
        say(f"... and {len(lines) - 5} more{rest}")


def show_table(
    title: str, columns: Sequence[str], rows: Iterable[Sequence[object]], figures: bool = True, whole: bool = False
) -> None:
    """Print a table; the first column is a name, the others are figures or, where told, texts; `whole` names are not broken."""
    table = Table(title=title, title_justify="left")
    for index, column in enumerate(columns):
        table.add_column(
            column, justify="left" if index == 0 or not figures else "right", overflow="fold", no_wrap=whole and index == 0
        )
    for row in rows:
        table.add_row(*(str(cell) for cell in row))
    console().print(table)


def show_summary(stage: str, read: str, made: str, dropped: Mapping[str, int], sentence: str = "") -> None:
    """What a stage says at its end: what came in, what went out, what was dropped, and where the rest stands."""
    say(stage)
    say(f"  in:      {read}")
    say(f"  out:     {made}")
    if total := sum(dropped.values()):
        say(f"  dropped: {total:,} ({listed(dropped)})")
    for line in sentence.splitlines():
        say(f"  {line}")
    say(f"  all figures: haechi stage {stage}")


def listed(counts: Mapping[str, int]) -> str:
    """Counts in a line, the largest first; what is beyond the first few is only said to be there."""
    found = sorted(((name, count) for name, count in counts.items() if count), key=lambda pair: (-pair[1], pair[0]))
    told = [f"{name.replace('_', ' ').replace('.', ' ')} {count:,}" for name, count in found[:LISTED]]
    return ", ".join(told + ([f"{len(found) - LISTED} more"] if len(found) > LISTED else []))


def show_counts(title: str, counts: Mapping[str, object]) -> None:
    """All figures as a table: nested counts as `name.part`."""
    show_table(title, ("what", "count"), list(_flatten("", counts)), whole=True)


def _flatten(prefix: str, value: object) -> Iterator[tuple[str, object]]:
    if isinstance(value, dict):
        for key, inner in value.items():
            yield from _flatten(f"{prefix}.{key}" if prefix else str(key), inner)
    else:
        yield prefix, value
