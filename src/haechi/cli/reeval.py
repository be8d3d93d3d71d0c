"""`haechi reeval`: yesterday's models on today's test set."""

from pathlib import Path

import click

from haechi.cli.project import Command
from haechi.comparison import test_reads
from haechi.comparison.compare import mean_of
from haechi.comparison.reeval import reeval as score_again
from haechi.runtime.progress import say
from haechi.scoring.names import HEADLINE, TUNED


@click.command(cls=Command, epilog="Example: haechi reeval HEAD~1")
@click.argument("revisions", nargs=-1, required=True, metavar="REV [REV ...]")
def reeval(revisions: tuple[str, ...]) -> None:
    """Score the models of revisions on today's test set, for `haechi compare`."""
    root = Path()
    for name in dict.fromkeys(revisions):
        found = score_again(root, name)
        test_reads.record(root, [found])
        figure = f"{HEADLINE} {mean_of(found.rows, TUNED):.4f} on test set {found.test_version[0]}"
        say(f"{found.name}: {figure}; `haechi compare {name}` takes it")
