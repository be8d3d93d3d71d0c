"""`haechi compare`: from names on the command line to what a person, a page or a program reads."""

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Literal

import click
import orjson

from haechi.cli import options
from haechi.cli.project import Command
from haechi.comparison import test_reads
from haechi.comparison.compare import as_json as comparison_as_json
from haechi.comparison.compare import compare as compare_revisions
from haechi.comparison.compare import dropped
from haechi.comparison.compare_text import Table, article_names, markdown, parts
from haechi.comparison.reeval import with_reevaluated
from haechi.comparison.revisions import WORKSPACE, load_revisions
from haechi.runtime.errors import UsageError
from haechi.runtime.progress import say, show_table

Form = Literal["text", "md", "json"]


@click.command(cls=Command, epilog="Example: haechi compare HEAD~1 --max-drop ndcg@10=0.01")
@click.argument("revisions", nargs=-1, required=True, metavar="REV [REV ...]")
@click.option("--system", default="tuned", show_default=True, help="Which system's results are compared.")
@click.option("--metric", default="ndcg@10", show_default=True, help="What the verdict is about.")
@click.option("--max-drop", "max_drop", multiple=True, metavar="METRIC=NUMBER", help="Exit with 1 if a metric falls by more.")
@click.option("--all", "everything", is_flag=True, help="Every metric, slice and query that moved, with what was found.")
@click.option("--md", "markdown", is_flag=True, help="Print Markdown.")
@options.as_json
def compare(
    revisions: tuple[str, ...],
    system: str,
    metric: str,
    max_drop: tuple[str, ...],
    everything: bool,
    markdown: bool,
    as_json: bool,
) -> None:
    """Is it really better? Compare revisions, or one revision with the workspace.

    The first REV is what the others are set against. A REV is a git revision, the name of an experiment, or `workspace`.
    Exit code 2: scored on different test sets.
    """
    form: Form = "json" if as_json else "md" if markdown else "text"
    show_comparison(Path(), revisions, system, metric, max_drop, form, everything)


def show_comparison(
    root: Path, names: Sequence[str], system: str, metric: str, max_drop: Sequence[str], form: Form, everything: bool = False
) -> None:
    """Load, compare, note the reading, print; exit code 1 if a limit is passed."""
    limits = dict(map(_limit, max_drop))
    names = list(dict.fromkeys(names))
    if len(names) == 1:
        names = [*names, WORKSPACE]
    if len(names) < 2 or names == [WORKSPACE, WORKSPACE]:
        raise UsageError(f"haechi compare {WORKSPACE}: name a revision to set the workspace against")
    revisions = load_revisions(root, names)
    if len({revision.test_version for revision in revisions}) > 1:
        revisions = with_reevaluated(root, revisions)
    found = compare_revisions(revisions, system, metric)
    test_reads.record(root, revisions)
    reads = len(test_reads.models_read(root, found.testset))
    if form == "json":
        click.echo(orjson.dumps(comparison_as_json(found, reads), option=orjson.OPT_INDENT_2).decode())
    else:
        articles = article_names(root, found) if everything else None
        told = parts(found, test_reads.sentence(reads, found.testset, names), articles)
        if form == "md":
            click.echo(markdown(told))
        else:
            for part in told:
                show_table(part.title, part.columns, part.rows) if isinstance(part, Table) else say(part)
    if fell := dropped(found, limits):
        for sentence in fell:
            click.echo(sentence, err=True)
        sys.exit(1)


def _limit(text: str) -> tuple[str, float]:
    name, _, number = text.partition("=")
    try:
        limit = float(number)
    except ValueError:
        limit = -1.0
    if not name or not 0.0 <= limit < float("inf"):
        raise UsageError(f"--max-drop {text}: expected METRIC=NUMBER, such as ndcg@10=0.01")
    return name, limit
