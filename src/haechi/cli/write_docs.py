"""`haechi docs`: the parts of the documents that repeat the code."""

from pathlib import Path

import click

from haechi.cli import docs as documents
from haechi.cli import options
from haechi.cli.project import Command
from haechi.runtime.errors import UsageError


@click.command(cls=Command)
@click.option("--write", "write", is_flag=True, help="Write the parts of the documents that repeat the code.")
@click.option("--check", "check", is_flag=True, help="Fail if a document is not what --write would make it.")
@options.root
def docs(write: bool, check: bool, root: Path) -> None:
    """Keep parameters, graph, reruns and results in the documents exact."""
    if write == check:
        raise UsageError("haechi docs: say either --write or --check")
    documents.write(root.resolve()) if write else documents.check(root.resolve())
