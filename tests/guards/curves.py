"""Made-up histories: rows as a training would leave them."""

from collections.abc import Sequence

from haechi.guards.history import HistoryRow
from haechi.guards.rules import Rule

Rows = list[HistoryRow]

RULES = (
    Rule("non_finite", "stop", patience=3),
    Rule("divergence", "stop", patience=3, tolerance=1.0, metric="loss"),
    Rule("collapse", "rollback", patience=2, bound=0.95, metric="valid_similarity"),
    Rule("overfitting", "rollback", patience=3, tolerance=0.05, metric="valid_loss"),
    Rule("gap", "stop", patience=2, bound=1.0, metric="valid_loss"),
    Rule("degradation", "rollback", patience=3, tolerance=0.005, metric="valid_recall@10"),
    Rule("early_stopping", "stop", patience=5, tolerance=0.001, metric="valid_ndcg@10"),
    Rule("stall", "lower_lr", patience=4, tolerance=0.001, metric="loss"),
)
"""All at once, as strict as a user would have them."""
EVERY = 10
"""Steps between two rows of the log; after each, where there is one, comes a validation."""


def curve(loss: Sequence[float] = (), **validation: Sequence[float]) -> Rows:
    """A row of the log every ten steps and a validation beside it; `similarity`, `loss_` (the validation loss), `recall`, `ndcg`."""
    names = {"loss_": "valid_loss", "recall": "valid_recall@10", "ndcg": "valid_ndcg@10", "similarity": "valid_similarity"}
    rows: Rows = []
    for i in range(max(len(loss), *(len(values) for values in validation.values()), 0)):
        figures = {names[name]: values[i] for name, values in validation.items() if i < len(values)}
        if figures:
            rows.append(HistoryRow(i * EVERY, figures))
        if i < len(loss):
            rows.append(HistoryRow(i * EVERY, {"loss": loss[i]}))
    return rows


def skipped(rows: Rows, *steps: int) -> Rows:
    """The same with steps that were skipped."""
    return sorted([*rows, *(HistoryRow(step, skipped="gradient", batch=("q1",)) for step in steps)], key=lambda row: row.step)


FALLING = [4.0, 3.0, 2.3, 1.8, 1.5, 1.3, 1.15, 1.05, 0.97, 0.9]
RISING = [0.20, 0.30, 0.38, 0.44, 0.48, 0.51, 0.53, 0.545, 0.555, 0.56]
