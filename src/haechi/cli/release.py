"""`haechi release`: the model to deploy."""

from pathlib import Path

import click

from haechi.cli.project import Command
from haechi.runtime.progress import say


@click.command(cls=Command, epilog="Example: haechi release")
def release() -> None:
    """Train once more by the chosen settings, on all labels, for deployment.

    Those of validation and test are among them, so the model has no score of its own: its card tells that of models/encoder,
    which was trained the same way apart from them. `evaluate` refuses to score it on that test set.
    """
    from haechi.release.release import OUT, release  # late: the help needs no library of models

    made = release(Path())
    ended = f"It ended after step {made.steps:,} of {made.of_steps:,}"
    say(f"{OUT}: {made.told()} {ended}; the figures in its card are those of that twin, {made.twin}")
