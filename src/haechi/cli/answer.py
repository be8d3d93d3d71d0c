"""`haechi answer`: a question or a file of conversations, answered with citations."""

import sys
from collections import Counter
from contextlib import redirect_stdout
from pathlib import Path
from typing import Any

import click
import orjson

from haechi.cli import options
from haechi.cli.project import Anywhere, FolderOrName
from haechi.runtime.options import FILE

TRACK = Path("tracks/answer")


@click.command(cls=Anywhere, epilog='Example: haechi answer "우물을 고칠 책임은 누구에게 있나요?"')
@click.argument("what", type=FolderOrName())
@click.option("--out", type=FILE, help="Write a submission: `{eval_id, standalone_query, topk, answer}` a line.")
@click.option("--record", type=FILE, help="Write all that is known of each answer: queries, signals, citations with their place.")
@click.option("--settings", type=FILE, default=TRACK / "params.yaml", show_default=True, help="The steps.")
@click.option("--gate", type=FILE, default=TRACK / "models/gate.json", show_default=True, help="Tells talk from questions.")
@click.option("--no-gate", is_flag=True, help="Search for everything.")
@options.as_json
@options.searched
def answer(
    what: str,
    out: Path | None,
    record: Path | None,
    settings: Path,
    gate: Path,
    no_gate: bool,
    as_json: bool,
    **searched: Any,
) -> None:
    """Answer a question, or the conversations of a JSONL, from the corpus and with citations.

    A line of the file is `{eval_id, msg: [{role, content}]}`. Talk that needs no search gets none.
    """
    from haechi.answering.answerer import open_answerer, replies
    from haechi.answering.conversations import question, read_conversations, written
    from haechi.runtime.files import write_jsonl
    from haechi.runtime.locks import writing
    from haechi.runtime.progress import listed

    file = Path(what) if what.endswith((".jsonl", ".ndjson")) else None
    given = read_conversations(file) if file else [question(what)]
    outputs = [path for path in (out, record) if path]
    with writing(*outputs):
        with redirect_stdout(sys.stderr):  # what is said while an index is made is no part of the answer
            answerer = open_answerer(settings, None if no_gate else gate, **searched)
            found = list(replies(answerer, given))
        if out:
            write_jsonl(out, map(written, found))
        if record:
            write_jsonl(record, found)
    if as_json or (file and not out):
        for reply in found:
            click.echo(orjson.dumps(reply if as_json else written(reply)))
    elif not file:
        _show(found[0])
    if file:
        counts = Counter(reply.reason or reply.outcome for reply in found)
        click.echo(f"answer: {len(found):,} conversations: {listed(counts)}", err=True)


def _show(reply: Any) -> None:
    click.echo(reply.answer)
    for one in reply.passages:
        page = f", p. {one.page}" if one.page else ""
        excerpt = " ".join(one.text.split())[:100]
        click.echo(f"[{one.number}] {one.name or one.id}{page}  {excerpt}")
