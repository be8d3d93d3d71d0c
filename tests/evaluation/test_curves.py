"""The tables of a training are its history, column by column."""

import csv
from pathlib import Path

from hypothesis import given, settings
from hypothesis import strategies as st

from haechi.evaluation import curves
from haechi.evaluation.curves import draw_history

FIGURE = st.floats(0, 9).map(lambda value: round(value, 6))
ROW = st.one_of(
    st.fixed_dictionaries({"loss": FIGURE}, optional={"active_triplets": FIGURE}),
    st.fixed_dictionaries({"valid_ndcg@10": FIGURE}),
    st.fixed_dictionaries({"event": st.just("stop")}),
)


def read(file: Path, column: str) -> list[tuple[int, float]]:
    with file.open(encoding="utf-8") as stream:
        return [(int(row["step"]), float(row[column])) for row in csv.DictReader(stream)]


@settings(max_examples=10)
@given(st.lists(ROW, max_size=6))
def test_each_table_holds_its_column_of_the_history(tmp_path: Path, rows: list[dict[str, float]]) -> None:
    history = [{"step": 0, "valid_ndcg@10": 0.5}, *({"step": n, **row} for n, row in enumerate(rows, 1))]
    drawn = curves.save
    try:
        curves.save = lambda figure, file: curves.pyplot().close(figure)  # pictures are slow, and another test's
        draw_history(history, tmp_path)
    finally:
        curves.save = drawn

    for table, column, key in (
        ("loss", "loss", "loss"),
        ("validation", "ndcg@10", "valid_ndcg@10"),
        ("triplets", "active_triplets", "active_triplets"),
    ):
        assert read(tmp_path / f"{table}.csv", column) == [(row["step"], row[key]) for row in history if key in row]


def test_the_picture_has_a_panel_for_each_curve_that_there_is(tmp_path: Path) -> None:
    from PIL import Image

    one = [{"step": 0, "valid_ndcg@10": 0.5}, {"step": 1, "loss": 1.0}]
    widths = []
    for name, history in {"a": one[:1], "b": one, "c": [*one, {"step": 2, "active_triplets": 0.5}]}.items():
        (tmp_path / name).mkdir()
        draw_history(history, tmp_path / name)
        with Image.open(tmp_path / name / "training.png") as picture:
            widths.append(picture.width)

    assert widths[1] > 1.8 * widths[0]
    assert widths[2] > 2.7 * widths[0]
