"""The end of a training in a few lines, and the few figures of it that people compare between runs."""

from collections.abc import Mapping, Sequence
from typing import Any

REASONS, ADVISED = 3, 2
"""What the screen shows of the verdict's reasons and advice; `haechi verdict` gives them all."""


def key_figures(facts: Mapping[str, Any]) -> dict[str, Any]:
    """What stands in metrics/train.json; the base's figure on validation is among those of select."""
    return {"state": facts["state"], "verdict": facts["verdict"], "validation": {"best": facts["validation"]["best"]}}


def summary(facts: Mapping[str, Any]) -> tuple[str, str, dict[str, int], str]:
    """What came in, what went out, nothing that was dropped, and the verdict with its first reasons."""
    examples, validation, loss = facts["examples"], facts["validation"], facts["health"].get("loss")
    read = f"{examples['mined']:,} mined examples, of which {examples['used']:,} are used ({examples['rows']:,} rows)"
    made = f"{facts['steps']:,} steps; validation {validation['metric']} {validation['base']:.4f} -> {validation['best']:.4f}"
    made += f"; training loss {loss['first']:.4f} -> {loss['last']:.4f}" if loss else ""
    reasons = list(facts["reasons"])
    more = f"; {len(reasons) - REASONS} more reasons" if len(reasons) > REASONS else ""
    verdict = f"{facts['state']}, verdict {facts['verdict']}: {'; '.join(reasons[:REASONS])}{more}"
    return read, made, {}, f"{verdict}\n{_advice(facts['next'])}"


def _advice(commands: Sequence[str]) -> str:
    """The first of the commands; the run goes on meanwhile, so none of them is for now."""
    return f"when this run is done: {'; or '.join(commands[:ADVISED])}"
