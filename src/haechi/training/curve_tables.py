"""The course of a training run as tables, which the report and `dvc plots` draw."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from haechi.runtime.files import write_csv
from haechi.scoring.names import HEADLINE

_MODULE = ("step", "module", "gradient", "clipped", "update_to_weight")

ACTIVE = "active_triplets"
_CURVES = (("loss", "loss", "loss"), ("validation", HEADLINE, f"valid_{HEADLINE}"), ("triplets", ACTIVE, ACTIVE))
"""Table, its column, the history's name."""


def write_history(history: Sequence[dict[str, Any]], folder: Path) -> None:
    """Loss, validation and, of a triplet loss, the share of active triplets over the steps.

    A table without rows is left where a training has no such figure: `dvc plots` passes over it, and would miss the file.
    """
    for table, column, key in _CURVES:
        rows = ({"step": row["step"], column: row[key]} for row in history if key in row)
        write_csv(folder / f"{table}.csv", ("step", column), rows)


def write_modules(looks: Sequence[dict[str, Any]], folder: Path) -> None:
    """What was seen of every module at every look: modules.csv."""
    write_csv(folder / "modules.csv", _MODULE, ({name: look.get(name, "") for name in _MODULE} for look in looks))
