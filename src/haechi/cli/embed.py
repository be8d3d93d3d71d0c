"""`haechi embed`: vectors of any texts, for whatever comes next."""

from pathlib import Path

import click

from haechi.cli.options import ENCODER
from haechi.cli.project import Anywhere, FolderOrName
from haechi.runtime.options import FILE, FOLDER
from haechi.runtime.progress import show_table


@click.command(cls=Anywhere, epilog="Example: haechi embed texts.jsonl --out vectors")
@click.argument("texts", type=FILE)
@click.option("--out", type=FOLDER, required=True, help="New folder for vectors.npy, ids.txt, index.faiss and embed.json.")
@click.option(
    "--model", type=FolderOrName(), default=str(ENCODER), show_default=True, help="A model folder, an alias or a hub id."
)
@click.option(
    "--as", "task", type=click.Choice(["document", "query"]), default="document", show_default=True, help="Whose prompt."
)
@click.option("--id-field", default="id", show_default=True, help="Where a JSONL has the id.")
@click.option("--text-field", default="text", show_default=True, help="Where a JSONL has the text.")
@click.option("--faiss/--no-faiss", default=True, show_default=True, help="Write an exact FAISS index too.")
def embed(texts: Path, out: Path, model: str, task: str, id_field: str, text_field: str, faiss: bool) -> None:
    """Turn texts into vectors: a JSONL with ids and texts, or a file with a text a line.

    What was killed goes on where it was when the same command is given again.
    """
    from haechi.serving.embed import Source, embed, open_model  # late: the help needs no numpy

    source = Source(texts, id_field, text_field)
    made = embed(source, lambda: open_model(model), "query" if task == "query" else "document", out, faiss)
    facts = (("texts", made.rows), ("numbers each", made.dim), ("model", made.model), ("folder", out))
    show_table("embed", ("what", "value"), facts)
