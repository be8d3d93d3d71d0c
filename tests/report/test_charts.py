"""Charts as tables and panels."""

from haechi.guards.history import row_of
from haechi.report import style
from haechi.report.charts import rate
from haechi.report.inputs import Results
from haechi.report.style import Say

ROWS = [{"step": n, "loss": 1.0, "learning_rate": 0.1 / n, "grad_norm": 2.0 / n} for n in (1, 2, 3)]
CHECKS = [{"step": 3, "valid_ndcg@10": 0.5}]


def drawn(history: list[dict[str, float]]):
    picture = rate(Results(history=[row_of(row) for row in history]), (), Say())
    if picture:
        style.pyplot().close(picture.figure)
    return picture


def test_active_triplets_have_a_panel_and_a_column_where_a_training_has_them() -> None:
    without, without_triplets = drawn([*ROWS, *CHECKS]), ("step", "learning_rate", "grad_norm")
    assert without.columns == without_triplets
    assert len(without.figure.axes) == 2

    results = drawn([*({**row, "active_triplets": row["step"] / 4} for row in ROWS), *CHECKS])
    assert results.columns == (*without_triplets, "active_triplets")
    assert results.rows == [(1, 0.1, 2.0, 0.25), (2, 0.05, 1.0, 0.5), (3, 0.1 / 3, 2.0 / 3, 0.75)]
    assert [list(axes.lines[0].get_ydata()) for axes in results.figure.axes][2] == [0.25, 0.5, 0.75]
    assert len(results.figure.axes) == 3


def test_a_history_without_steps_has_no_chart_of_rates() -> None:
    assert drawn(CHECKS) is None
