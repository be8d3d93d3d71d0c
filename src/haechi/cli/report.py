"""`haechi report`: the report with the untracked facts of this machine."""

from pathlib import Path

import click

from haechi.cli import options
from haechi.cli.project import Command
from haechi.report.inputs import Places, gather
from haechi.report.machine_facts import look
from haechi.report.make import make
from haechi.runtime.errors import UsageError
from haechi.runtime.files import write_text
from haechi.runtime.options import FILE
from haechi.runtime.progress import say

TRACKED = Path("reports/report.html")


@click.command(cls=Command)
@click.option(
    "--out",
    type=FILE,
    default=Path("reports/report-local.html"),
    show_default=True,
    help="Write it here; git and DVC leave this file alone.",
)
@options.root
def report(out: Path, root: Path) -> None:
    """Write the report with what only this machine knows: times, disk, tokens, money."""
    write_report(root, out)


def write_report(root: Path, out: Path) -> None:
    """Write the page and say what it lacks."""
    if out.resolve() == (root / TRACKED).resolve():
        raise UsageError(f"haechi report --out {out}: this file is the report stage's and holds no times; take another name")
    if not (root / "dvc.yaml").is_file():
        raise UsageError(f"haechi report: {root.resolve()} is no project (it holds no dvc.yaml); go to one, or say --root")
    found = gather(Places.below(root))
    page = make(found, root / "data/mined/train.jsonl", local=look(root)).page
    write_text(out, page)
    say(f"{out}: {len(page.encode()) / 1e6:.1f} MB; open it in a browser")
    for missing in found.missing:
        say(f"missing: {missing.file}; make it with `{missing.remedy}`")
