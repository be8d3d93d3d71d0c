"""`haechi search`: one question, answered by three systems."""

import sys
from contextlib import redirect_stdout
from typing import Any

import click
import orjson

from haechi.cli import options
from haechi.cli.project import Anywhere


@click.command(cls=Anywhere, epilog='Example: haechi search "개인정보가 유출되면 배상을 받을 수 있나요?" --k 3')
@click.argument("query")
@click.option("--k", type=click.IntRange(1, 50), default=5, show_default=True, help="Results of each system.")
@click.option("--law", "laws", multiple=True, help="Only passages of this law or rule; may be given several times.")
@click.option("--type", "types", multiple=True, help="Only passages of this type: law, admin, prec, doc.")
@options.as_json
@options.reranked
@options.searched
def search(query: str, k: int, laws: tuple[str, ...], types: tuple[str, ...], as_json: bool, **searched: Any) -> None:
    """Show what the tuned model, BM25 and both fused find for a question."""
    from haechi.runtime.progress import console
    from haechi.serving.engine import Only, checked, open_engine  # late: the help needs no morphemes and no numpy
    from haechi.serving.terminal import show

    checked(query)
    with redirect_stdout(sys.stderr):  # what is said while an index is made is no part of the answer
        engine = open_engine(**searched)
    answer = engine.ask(query, k, Only(laws, types))
    if as_json:
        click.echo(orjson.dumps(answer, option=orjson.OPT_INDENT_2))
        return
    show(answer, console())
    if engine.fusion.note:
        click.echo(engine.fusion.note, err=True)
