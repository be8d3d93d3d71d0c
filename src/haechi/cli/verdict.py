"""`haechi verdict`: the state of a training, for a person's eyes."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import click

from haechi.cli import options
from haechi.cli.project import Command
from haechi.guards.status import state_of
from haechi.pipeline.stage_details import file_of
from haechi.runtime.progress import say, show_table


@click.command(cls=Command)
@options.root
def verdict(root: Path) -> None:
    """Show how the training goes or ended, whether to trust it, and what to try next."""
    show(state_of(root / file_of("train"), root / "models" / "run"))


def show(facts: Mapping[str, Any]) -> None:
    """The figures of a training, then what they mean and what to try next."""
    rows: list[tuple[str, object]] = [("steps", facts.get("steps", "-"))]
    rows += [(name, count) for name, count in facts.get("examples", {}).items()]
    health = facts.get("health", {})
    for group in ("loss", "score", "valid_loss"):
        rows += [(f"{group}, {name.replace('_', ' ')}", value) for name, value in health.get(group, {}).items()]
    rows.append(("skipped steps", health.get("skipped_steps", 0)))
    show_table("train", ("what", "value"), rows)
    state = facts["state"] + (f" ({facts['reason']})" if facts.get("reason") else "")
    say(f"train: {state}; verdict: {facts.get('verdict', 'none yet')}")
    for reason in facts.get("reasons", ()):
        say(f"  - {reason}")
    if facts.get("next"):
        say("  next: " + "\n        ".join(facts["next"]))
