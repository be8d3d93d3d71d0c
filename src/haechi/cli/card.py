"""`haechi card`: the model card, to look at or to publish with the model."""

from pathlib import Path

import click

from haechi.cli import options
from haechi.cli.project import Command
from haechi.report.model_card import model_card
from haechi.runtime.files import write_text
from haechi.runtime.options import FILE
from haechi.runtime.progress import say


@click.command(cls=Command, epilog="Example: haechi card --out models/encoder/README.md")
@click.option("--out", type=FILE, help="Write it here; shown where not given.")
@options.root
def card(out: Path | None, root: Path) -> None:
    """Show or write the model card of models/encoder, from what its run left.

    Nothing else goes into it, and it is refused where these files speak of different models.
    """
    text = model_card(root)
    if out is None:
        click.echo(text, nl=False)
        return
    write_text(out, text)
    say(f"{out}: the model card of models/encoder, {len(text.splitlines())} lines")
