"""`haechi verify`: says file by file whether a commit's pipeline, run again elsewhere, writes the same bytes."""

import tempfile
from contextlib import ExitStack
from pathlib import Path

import click

from haechi.cli.options import EXISTING
from haechi.cli.project import Command
from haechi.replay.run import replay
from haechi.runtime.errors import HaechiError
from haechi.runtime.options import FOLDER
from haechi.runtime.progress import say


@click.command(cls=Command, epilog="Example: haechi verify --rev HEAD~1 --rows data/rows")
@click.option("--rows", type=EXISTING, help="Export of rows (`haechi rows export`) to fill its row store from.")
@click.option("--rev", default="HEAD", show_default=True, help="The commit to replay.")
@click.option("--keep", type=FOLDER, help="Replay in this empty folder and leave it.")
@click.option("--all", "everything", is_flag=True, help="Name the files that agree too.")
def verify(rows: Path | None, rev: str, keep: Path | None, everything: bool) -> None:
    """Run the committed pipeline again in a clean clone and compare every file.

    The files are compared with dvc.lock and git; one that differs or is missing is an error.
    """
    with ExitStack() as stack:
        place = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="haechi-verify-"))) / "clone"
        done = replay(Path(), keep or place, rev, rows.resolve() if rows else None)
    for file in done.files:
        if everything or file.verdict != "agrees":
            say(f"{file.verdict:8} {file.path}{f' ({file.note})' if file.note else ''}")
    for changed in done.changed_inputs:
        say(f"verify: {changed} is not what dvc.lock was made from")
    counts = done.counts
    summary = f"{counts['agrees']} files agree, {counts['differs']} differ, {counts['missing']} are missing"
    if done.failed:
        raise HaechiError(f"verify: `dvc repro` stopped before its end, see above; {summary}")
    if counts["differs"] or counts["missing"]:
        raise HaechiError(f"verify: {summary}")
    say(f"verify: {summary}")
