"""The results table, the same in the terminal and in the report."""

from haechi.scoring.evaluation import Evaluation
from haechi.scoring.names import HEADLINE, label, shown

COLUMNS = ("system", HEADLINE, "interval", "recall@10", "mrr@10", "unseen articles")


def result_rows(evaluation: Evaluation) -> list[tuple[str, ...]]:
    """One row a system."""
    rows: list[tuple[str, ...]] = []
    for system in shown(evaluation.primary):
        mean, bounds = evaluation.primary[system], evaluation.interval[system][HEADLINE]
        unseen = evaluation.slice.get("unseen", {}).get(system)
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
