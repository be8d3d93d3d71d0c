"""`haechi verify`: says file by file whether a commit's pipeline, run again elsewhere, writes the same bytes."""

import tempfile
from contextlib import ExitStack
from pathlib import Path

from haechi.replay.run import replay
from haechi.runtime.errors import HaechiError
from haechi.runtime.progress import say


def verify_project(root: Path, revision: str, rows: Path | None, keep: Path | None, everything: bool) -> None:
    """Replay, print what differs or is missing, or every file, and fail if any does."""
    with ExitStack() as stack:
        place = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="haechi-verify-"))) / "clone"
        done = replay(root, keep or place, revision, rows.resolve() if rows else None)
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
