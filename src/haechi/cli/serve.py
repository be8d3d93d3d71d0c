"""`haechi serve`: the same search as a page."""

from typing import Any

import click

from haechi.cli import options
from haechi.cli.project import Anywhere


@click.command(cls=Anywhere, epilog="Example: haechi serve --port 8080")
@click.option("--port", type=click.IntRange(0, 65_535), default=8000, show_default=True, help="0 takes any that is free.")
@options.reranked
@options.searched
def serve(port: int, **searched: Any) -> None:
    """Serve a search page on this machine alone: http://127.0.0.1:8000/.

    It shows what the tuned model, BM25 and both fused find, as `haechi search` does, until Ctrl-C ends it.
    """
    from haechi.serving import server  # late: the help needs no server
    from haechi.serving.engine import open_engine

    taken = server.bound(port)  # before the model is loaded: a port that is taken is known at once
    server.serve(taken, lambda: open_engine(**searched))
