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
@click.option("--dry-run", is_flag=True, help="Only say what a language model would be asked, and about what that would cost.")
@options.as_json
@options.searched
def answer(
    what: str,
    out: Path | None,
    record: Path | None,
    settings: Path,
    gate: Path,
    no_gate: bool,
    dry_run: bool,
    as_json: bool,
    **searched: Any,
) -> None:
    """Answer a question or a JSONL of conversations, with cited passages.

    A line of the file is `{eval_id, msg: [{role, content}]}`. Talk that needs no search gets none.
    """
    from haechi.answering.answerer import open_answerer
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
            found = _answered(answerer, given, searched["params"], dry_run)
        if dry_run:
            return
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


def _answered(answerer: Any, given: Any, params: Path, dry_run: bool) -> list[Any]:
    """Plainly, or with a language model; a dry run says what that would be asked."""
    import os

    from haechi.answering.model import LanguageModel, replies
    from haechi.llm.params import LlmParams
    from haechi.rowstore.store import open_store
    from haechi.runtime.params import load_section

    if not answerer.params.language_model:
        if dry_run:
            click.echo("answer.language_model is false: nothing would be asked")
        return [answerer.reply(one) for one in given]
    with open_store() as store:
        model = LanguageModel(load_section(params, "llm", LlmParams), store, os.environ, only_count=dry_run)
        found = replies(answerer, given, model)
    if dry_run:
        cost = model.cost
        click.echo(
            f"{cost.calls:,} calls, {cost.stored:,} of them answered already; about {cost.tokens_in:,} tokens of prompts "
            f"and {cost.tokens_out:,} of answers, cost at most {cost.cost:.2f}"
        )
    return found


def _show(reply: Any) -> None:
    click.echo(reply.answer)
    for one in reply.passages:
        page = f", p. {one.page}" if one.page else ""
        excerpt = " ".join(one.text.split())[:100]
        click.echo(f"[{one.number}] {one.name or one.id}{page}  {excerpt}")
