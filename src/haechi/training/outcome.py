"""What both engines say at the end: state, verdict, and what was seen of every module."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from haechi.guards.verdict import Seen, judge
from haechi.runtime.files import write_jsonl
from haechi.training.checkpointing import HISTORY, METRIC, ValidationCallback
from haechi.training.guard_callback import GuardCallback
from haechi.training.monitor import LOOKED, Monitor
from haechi.training.recipe import Recipe


def outcome(
    validation: ValidationCallback, guard: GuardCallback, monitor: Monitor, recipe: Recipe, folder: Path, *, static: bool
) -> dict[str, Any]:
    """Leave the history and the looks at the modules in the folder; give what stands in reports/stages/train.json."""
    write_jsonl(folder / HISTORY, validation.history)
    write_jsonl(folder / LOOKED, monitor.rows)
    ended, best = guard.ended, validation.checkpoints.kept[0]
    seen = Seen(
        "stopped" if ended else "finished",
        guard.reason,
        ended.rule if ended else "",
        validation.history,
        monitor.modules(),
        guard.noted,
    )
    sections: Mapping[str, Mapping[str, Any]] = {key: value for key, value in recipe.asdict().items() if key != "guards"}
    found = judge(seen, recipe.guards, {"train": sections["params"], **sections}, static=static)
    return {
        "state": seen.state,
        "reason": seen.reason.en,
        "verdict": found.verdict,
        "reasons": [reason.en for reason in found.reasons],
        "reasons_ko": [reason.ko for reason in found.reasons],
        "next": list(found.next),
        "health": {**found.facts, "modules": _modules(seen.modules, monitor.rows)},
        "validation": {
            "base": round(validation.start, 6),
            "best": round(best.score, 6),
            "metric": METRIC,
        },
    }


def _modules(modules: Sequence[Any], rows: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """Parameters of each module, and how far its steps moved it, at the least and at the most."""
    found = {}
    for module in modules:
        ratios = [row["update_to_weight"] for row in rows if row["module"] == module.name and row.get("update_to_weight")]
        spread = {"least_update": min(ratios), "greatest_update": max(ratios)} if ratios else {}
        found[module.name] = {"parameters": module.parameters, "trained": module.trained, "moved": module.moved, **spread}
    return found
