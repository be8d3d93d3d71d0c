"""`haechi compare` and `haechi reeval`: from names on the command line to what a person, a page or a program reads."""

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Literal

import click
import orjson

from haechi.comparison import test_reads
from haechi.comparison.compare import as_json, compare, dropped, mean_of
from haechi.comparison.compare_text import Table, article_names, markdown, parts
from haechi.comparison.reeval import reeval, with_reevaluated
from haechi.comparison.revisions import WORKSPACE, load_revisions
from haechi.runtime.errors import UsageError
from haechi.runtime.progress import say, show_table
from haechi.scoring.names import HEADLINE, TUNED

Form = Literal["text", "md", "json"]


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
    if len({revision.yardstick for revision in revisions}) > 1:
        revisions = with_reevaluated(root, revisions)
    found = compare(revisions, system, metric)
    test_reads.record(root, revisions)
    reads = len(test_reads.models_read(root, found.testset))
    if form == "json":
        click.echo(orjson.dumps(as_json(found, reads), option=orjson.OPT_INDENT_2).decode())
    else:
        articles = article_names(root, found) if everything else None
        told = parts(found, test_reads.told(reads, found.testset, names), articles)
        if form == "md":
            click.echo(markdown(told))
        else:
            for part in told:
                show_table(part.title, part.columns, part.rows) if isinstance(part, Table) else say(part)
    if fell := dropped(found, limits):
        for sentence in fell:
            click.echo(sentence, err=True)
        sys.exit(1)


def reevaluate(root: Path, names: Sequence[str]) -> None:
    """Score each on today's test set and say where it stands."""
    for name in dict.fromkeys(names):
        found = reeval(root, name)
        test_reads.record(root, [found])
        figure = f"{HEADLINE} {mean_of(found.rows, TUNED):.4f} on test set {found.yardstick[0]}"
        say(f"{found.name}: {figure}; `haechi compare {name}` takes it")


def _limit(text: str) -> tuple[str, float]:
    name, _, number = text.partition("=")
    try:
        limit = float(number)
    except ValueError:
        limit = -1.0
    if not name or not 0.0 <= limit < float("inf"):
        raise UsageError(f"--max-drop {text}: expected METRIC=NUMBER, such as ndcg@10=0.01")
    return name, limit
