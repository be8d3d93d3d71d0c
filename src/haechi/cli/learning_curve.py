"""`haechi learning-curve`: shares on the command line, a curve in plots/learning_curve."""

from pathlib import Path

import click

from haechi.cli.project import Command
from haechi.comparison.learning_curve import Of, measure_curve
from haechi.runtime.errors import UsageError


@click.command(cls=Command, epilog="Example: haechi learning-curve --of questions --shares 0,0.5,1")
@click.option("--of", type=click.Choice(["decisions", "questions"]), help="What grows [default: decisions, if any].")
@click.option("--shares", default="0.1,0.25,0.5,1", show_default=True, help="Shares of it, each a training.")
@click.option("--seed", type=click.IntRange(min=0), default=7, show_default=True, help="Which part is taken.")
def learning_curve(of: Of | None, shares: str, seed: int) -> None:
    """How much data do I need? Quality against the number of decisions or questions.

    Decisions are those with labels, questions the synthetic ones. Each share is a training, beside the pipeline's outputs.
    """
    try:
        numbers = [float(share) for share in shares.split(",")]
    except ValueError as error:
        raise UsageError(f"haechi learning-curve --shares {shares}: expected numbers with commas, such as 0.1,0.5,1") from error
    measure_curve(Path(), of, numbers, seed)
