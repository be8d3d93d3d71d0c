"""`haechi verdict`: the state of a training, for a person's eyes."""

from pathlib import Path

import click

from haechi.cli import options
from haechi.cli.project import Command
from haechi.guards.status import TrainingStatus, state_of
from haechi.pipeline.stage_details import file_of
from haechi.runtime.progress import say, show_table


@click.command(cls=Command)
@options.root
def verdict(root: Path) -> None:
    """Show how the training goes or ended, whether to trust it, and what to try next."""
    show(state_of(root / file_of("train"), root / "models" / "run"))


def show(status: TrainingStatus) -> None:
    """The figures of a training, then what they mean and what to try next."""
    rows: list[tuple[str, object]] = [("steps", "-" if status.steps is None else status.steps)]
    rows += [(name, count) for name, count in status.examples.items()]
    for group in ("loss", "score", "valid_loss"):
        rows += [(f"{group}, {name.replace('_', ' ')}", value) for name, value in status.health.get(group, {}).items()]
    rows.append(("skipped steps", status.health.get("skipped_steps", 0)))
    show_table("train", ("what", "value"), rows)
    state = status.state + (f" ({status.reason})" if status.reason else "")
    say(f"train: {state}; verdict: {status.verdict or 'none yet'}")
    for reason in status.reasons:
        say(f"  - {reason}")
    if status.next:
        say("  next: " + "\n        ".join(status.next))
