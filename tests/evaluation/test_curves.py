"""The tables of a training are its history, column by column."""

import csv
from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st

from haechi.evaluation.curves import write_history

FIGURE = st.floats(0, 9).map(lambda value: round(value, 6))
ROW = st.one_of(
    st.fixed_dictionaries({"loss": FIGURE}, optional={"active_triplets": FIGURE}),
    st.fixed_dictionaries({"valid_ndcg@10": FIGURE}),
    st.fixed_dictionaries({"event": st.just("stop")}),
)


def read(file: Path, column: str) -> list[tuple[int, float]]:
    with file.open(encoding="utf-8") as stream:
        return [(int(row["step"]), float(row[column])) for row in csv.DictReader(stream)]


@given(st.lists(ROW, max_size=6))
def test_each_table_holds_its_column_of_the_history(tmp_path: Path, rows: list[dict[str, float]]) -> None:
    history = [{"step": 0, "valid_ndcg@10": 0.5}, *({"step": n, **row} for n, row in enumerate(rows, 1))]
    write_history(history, tmp_path)

    for table, column, key in (
        ("loss", "loss", "loss"),
        ("validation", "ndcg@10", "valid_ndcg@10"),
        ("triplets", "active_triplets", "active_triplets"),
    ):
        assert read(tmp_path / f"{table}.csv", column) == [(row["step"], row[key]) for row in history if key in row]
