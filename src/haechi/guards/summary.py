"""The end of a training in a few lines, and the few figures of it that people compare between runs."""

from collections.abc import Sequence
from typing import Any

from haechi.guards.status import TrainingStatus

REASONS, ADVISED = 3, 2
"""What the screen shows of the verdict's reasons and advice; `haechi verdict` gives them all."""


def key_figures(status: TrainingStatus) -> dict[str, Any]:
    """What stands in metrics/train.json; the base's figure on validation is among those of select."""
    return {"state": status.state, "verdict": status.verdict, "validation": {"best": status.validation["best"]}}


def summary(status: TrainingStatus) -> tuple[str, str, dict[str, int], str]:
    """What came in, what went out, nothing that was dropped, and the verdict with its first reasons."""
    examples, validation, loss = status.examples, status.validation, status.health.get("loss")
    read = f"{examples['mined']:,} mined examples, of which {examples['used']:,} are used ({examples['rows']:,} rows)"
    made = f"{status.steps:,} steps; validation {validation['metric']} {validation['base']:.4f} -> {validation['best']:.4f}"
    made += f"; training loss {loss['first']:.4f} -> {loss['last']:.4f}" if loss else ""
    reasons = status.reasons
    more = f"; {len(reasons) - REASONS} more reasons" if len(reasons) > REASONS else ""
    verdict = f"{status.state}, verdict {status.verdict}: {'; '.join(reasons[:REASONS])}{more}"
    return read, made, {}, f"{verdict}\n{_advice(status.next)}"


def _advice(commands: Sequence[str]) -> str:
    """The first of the commands; the run goes on meanwhile, so none of them is for now."""
    return f"when this run is done: {'; or '.join(commands[:ADVISED])}"
