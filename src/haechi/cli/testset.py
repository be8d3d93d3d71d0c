"""`haechi testset`: the frozen test set changes by this command alone."""

from pathlib import Path

import click

from haechi.cli.project import Commands
from haechi.pipeline.refresh_testset import refresh_testset


@click.group(cls=Commands)
def testset() -> None:
    """Rebuild the frozen test set, on purpose.

    `dvc repro` never does, for figures of two test sets can't be compared.
    """


@testset.command()
def refresh() -> None:
    """Build the test set anew from data/raw; figures from before can't be compared with figures after."""
    refresh_testset(Path())
