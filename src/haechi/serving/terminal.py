"""An answer for people at a terminal: the systems side by side, or one below the other where there is no room."""

from itertools import zip_longest

from rich.console import Console
from rich.table import Table
from rich.text import Text

from haechi.scoring.names import label
from haechi.serving.engine import SYSTEMS, Answer, Hit

EXCERPT = 70
SHOWN = 0.05
"""What a signal must give to a score, either way, to be named."""
NARROW = 72
"""Columns below which the lists stand one below the other."""


def show(answer: Answer, console: Console) -> None:
    """Print it."""
    if not any(answer.lists.values()):
        console.print("nothing found: no passage has these words, and the model knows none of them")
        return
    if console.width < NARROW:
        for system in SYSTEMS:
            console.print(_table([system], answer))
    else:
        console.print(_table(list(SYSTEMS), answer))
    if answer.reranked:
        console.print(f"The hybrid's first {answer.reranked} articles are in the order of the reranker.")
    if answer.doubtful:
        console.print("The tuned model's best score is below the threshold chosen on validation: there may be no answer here.")


def _table(systems: list[str], answer: Answer) -> Table:
    table = Table(show_lines=True, expand=True)
    table.add_column("", justify="right", width=2)
    for system in systems:
        table.add_column(label(system), ratio=1, overflow="fold")
    for rank, hits in enumerate(zip_longest(*(answer.lists[system] for system in systems)), start=1):
        table.add_row(str(rank), *(_cell(hit) if hit else Text() for hit in hits))
    return table


def _cell(hit: Hit) -> Text:
    """Score, name and page, how the passage begins, and in the hybrid what carried it."""
    excerpt = " ".join(hit.text.split())
    short = excerpt if len(excerpt) <= EXCERPT else f"{excerpt[:EXCERPT]}…"
    page = f", p. {hit.page}" if hit.page else ""
    carried = ", ".join(f"{label(signal)} {value:+.1f}" for signal, value in hit.signals.items() if abs(value) >= SHOWN)
    line = (f"\n{carried}", "green") if carried else ""
    return Text.assemble((f"{hit.score:.3f} ", "cyan"), (f"{hit.name}{page}", "bold"), "\n", (short, "dim"), line)
