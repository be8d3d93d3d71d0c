"""`haechi search`, `haechi serve` and `haechi embed`: using the model that came out."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import click

from haechi.cli.project import Anywhere, FolderOrName
from haechi.pipeline.stage_details import file_of

FILE = click.Path(path_type=Path, dir_okay=False)
FOLDER = click.Path(path_type=Path, file_okay=False)
MODEL = FolderOrName()
ENCODER = Path("models/encoder")
DETAILS = file_of("evaluate")
TASKS = click.Choice(["document", "query"])


def _searched(command: Callable[..., Any]) -> Callable[..., Any]:
    """The options of whoever searches: what is searched with what."""
    options = (
        click.option("--model", type=FOLDER, default=ENCODER, show_default=True, help="The tuned model."),
        click.option("--corpus", type=FILE, default=Path("data/processed/merged_corpus.jsonl"), show_default=True),
        click.option("--vectors", type=FOLDER, help="Folder that `haechi embed` made of this corpus with this model."),
        click.option("--params", type=FILE, default=Path("params.yaml"), show_default=True, help="The parameters."),
        click.option("--details", type=FILE, default=DETAILS, show_default=True, help="For the hybrid's weight."),
    )
    for option in reversed(options):
        command = option(command)
    return command


@click.command(cls=Anywhere)
@click.argument("query")
@click.option("--k", type=click.IntRange(1, 50), default=5, show_default=True, help="Results of each system.")
@click.option("--law", "laws", multiple=True, help="Only passages of this law or rule; may be given several times.")
@click.option("--type", "types", multiple=True, help="Only passages of this type: law, admin, prec, doc.")
@click.option("--json", "as_json", is_flag=True, help="For programs.")
@_searched
def search(query: str, k: int, laws: tuple[str, ...], types: tuple[str, ...], as_json: bool, **searched: Any) -> None:
    """Show what the tuned model, BM25 and both fused find for a question, side by side."""
    import sys
    from contextlib import redirect_stdout

    import orjson

    from haechi.runtime.progress import console
    from haechi.serving.engine import Only, checked, open_engine
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


@click.command(cls=Anywhere)
@click.option("--port", type=click.IntRange(0, 65_535), default=8000, show_default=True, help="0 takes any that is free.")
@_searched
def serve(port: int, **searched: Any) -> None:
    """A search page on this machine alone: http://127.0.0.1:8000/."""
    from haechi.serving.server import bound

    taken = bound(port)
    from haechi.serving import server
    from haechi.serving.engine import open_engine

    server.serve(taken, lambda: open_engine(**searched))


@click.command(cls=Anywhere)
@click.argument("texts", type=FILE)
@click.option("--out", type=FOLDER, required=True, help="New folder for vectors.npy, ids.txt, index.faiss and embed.json.")
@click.option("--model", type=MODEL, default=str(ENCODER), show_default=True, help="A model folder, an alias or a hub id.")
@click.option("--as", "task", type=TASKS, default="document", show_default=True, help="Whose prompt.")
@click.option("--id-field", default="id", show_default=True, help="Where a JSONL has the id.")
@click.option("--text-field", default="text", show_default=True, help="Where a JSONL has the text.")
@click.option("--faiss/--no-faiss", default=True, show_default=True, help="Write an exact FAISS index too.")
def embed(texts: Path, out: Path, model: str, task: str, id_field: str, text_field: str, faiss: bool) -> None:
    """Turn texts into vectors: a JSONL with ids and texts, or any file with a text a line.

    What was killed goes on where it was when the same command is given again.
    """
    from haechi.runtime.progress import show_table
    from haechi.serving.embed import Source, embed, open_model

    source = Source(texts, id_field, text_field)
    made = embed(source, lambda: open_model(model), "query" if task == "query" else "document", out, faiss)
    facts = (("texts", made.rows), ("numbers each", made.dim), ("model", made.model), ("folder", out))
    show_table("embed", ("what", "value"), facts)
