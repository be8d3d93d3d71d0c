"""What both engines say at the end: state, verdict, and what was seen of every module."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from haechi.guards.history import HistoryRow, write_history
from haechi.guards.status import TrainingStatus
from haechi.guards.verdict import Seen, judge
from haechi.runtime.files import write_csv, write_jsonl
from haechi.scoring.names import HEADLINE
from haechi.training.checkpointing import HISTORY, METRIC, ValidationCallback
from haechi.training.guard_callback import GuardCallback
from haechi.training.monitor import LOOKED, Monitor
from haechi.training.recipe import Recipe

_MODULE = ("step", "module", "gradient", "clipped", "update_to_weight")

ACTIVE = "active_triplets"
_CURVES = (("loss", "loss", "loss"), ("validation", HEADLINE, f"valid_{HEADLINE}"), ("triplets", ACTIVE, ACTIVE))
"""Table, its column, the history's name."""


def write_curves(history: Sequence[HistoryRow], folder: Path) -> None:
    """Loss, validation and, of a triplet loss, the share of active triplets over the steps.

    A table without rows is left where a training has no such figure: `dvc plots` passes over it, and would miss the file.
    """
    for table, column, key in _CURVES:
        rows = ({"step": row.step, column: row.figures[key]} for row in history if key in row.figures)
        write_csv(folder / f"{table}.csv", ("step", column), rows)


def write_modules(looks: Sequence[dict[str, Any]], folder: Path) -> None:
    """What was seen of every module at every look: modules.csv."""
    write_csv(folder / "modules.csv", _MODULE, ({name: look.get(name, "") for name in _MODULE} for look in looks))


def outcome(
    validation: ValidationCallback, guard: GuardCallback, monitor: Monitor, recipe: Recipe, folder: Path, *, static: bool
) -> TrainingStatus:
    """Leave the history and the looks at the modules in the folder; give what stands in reports/stages/train.json."""
    write_history(folder / HISTORY, validation.history)
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
    verdict = judge(seen, recipe.guards, recipe.sections(), static=static)
    return TrainingStatus(
        state=seen.state,
        reason=seen.reason.en,
        verdict=verdict.verdict,
        reasons=tuple(reason.en for reason in verdict.reasons),
        reasons_ko=tuple(reason.ko for reason in verdict.reasons),
        next=verdict.next,
        health={**verdict.facts, "modules": _modules(seen.modules, monitor.rows)},
        validation={"base": round(validation.start, 6), "best": round(best.score, 6), "metric": METRIC},
    )


def _modules(modules: Sequence[Any], rows: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """Parameters of each module, and how far its steps moved it, at the least and at the most."""
    facts = {}
    for module in modules:
        ratios = [row["update_to_weight"] for row in rows if row["module"] == module.name and row.get("update_to_weight")]
        spread = {"least_update": min(ratios), "greatest_update": max(ratios)} if ratios else {}
        facts[module.name] = {"parameters": module.parameters, "trained": module.trained, "moved": module.moved, **spread}
    return facts
