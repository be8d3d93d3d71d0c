"""`haechi ensemble`: several submissions of `haechi answer` as one."""

from pathlib import Path

import click

from haechi.cli.project import Anywhere
from haechi.runtime.options import FILE


@click.command(cls=Anywhere, epilog="Example: haechi ensemble one.jsonl two.jsonl --out both.jsonl")
@click.argument("runs", type=FILE, nargs=-1, required=True)
@click.option("--out", type=FILE, required=True, help="The submission that they make together.")
@click.option("--gold", type=FILE, help="Labels, `{eval_id, gold: [ids]}` a line: say what each run and all together are worth.")
def ensemble(runs: tuple[Path, ...], out: Path, gold: Path | None) -> None:
    """Put submissions together by reciprocal rank, silent where most of them are."""
    from haechi.answering.conversations import written_line
    from haechi.answering.ensemble import Gold, gap, read_submissions, scores, together
    from haechi.runtime.files import read_records, write_jsonl
    from haechi.runtime.progress import show_table

    found = read_submissions(runs)
    both = together(found)
    write_jsonl(out, map(written_line, both))
    if gold:
        labels = {str(one.eval_id): one.gold for one in read_records(gold, Gold)}
        whole = scores(both, labels)
        rows = [("all together", f"{sum(whole) / len(whole):.4f}", "", "")]
        for path, run in zip(runs, found, strict=True):
            alone = scores(run, labels)
            ahead, word = gap(whole, alone)
            rows.append(
                (str(path), f"{sum(alone) / len(alone):.4f}", f"{ahead.value:+.4f} [{ahead.low:+.4f}, {ahead.high:+.4f}]", word)
            )
        show_table(f"{len(whole)} judged conversations", ("run", "score", "all together ahead by", "verdict"), rows)
