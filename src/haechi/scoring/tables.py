"""The results table, the same in the terminal and in the report."""

from typing import Any

from haechi.scoring.names import HEADLINE, label, shown

COLUMNS = ("system", HEADLINE, "interval", "recall@10", "mrr@10", "unseen articles")


def result_rows(metrics: dict[str, Any]) -> list[tuple[str, ...]]:
    """One row a system."""
    rows: list[tuple[str, ...]] = []
    for system in shown(metrics["primary"]):
        mean, bounds = metrics["primary"][system], metrics["interval"][system][HEADLINE]
        unseen = metrics["slice"].get("unseen", {}).get(system)
        rows.append(
            (
                label(system),
                f"{mean[HEADLINE]:.3f}",
                f"[{bounds['low']:.3f}, {bounds['high']:.3f}]",
                f"{mean['recall@10']:.3f}",
                f"{mean['mrr@10']:.3f}",
                "-" if unseen is None else f"{unseen:.3f}",
            )
        )
    return rows
