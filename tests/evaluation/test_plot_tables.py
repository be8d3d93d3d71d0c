"""Tables that stages write for the report and for `dvc plots`."""

import csv
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from haechi.guards.history import HistoryRow, row_of
from haechi.mining.audit import write_scores
from haechi.records.mined import MinedExample
from haechi.training.outcome import write_curves, write_modules

FIGURE = st.floats(0, 9).map(lambda value: round(value, 6))
ROW = st.one_of(
    st.fixed_dictionaries({"loss": FIGURE}, optional={"active_triplets": FIGURE}),
    st.fixed_dictionaries({"valid_ndcg@10": FIGURE}),
    st.fixed_dictionaries({"event": st.just("stop")}),
)
SCORES = st.lists(st.integers(-10, 10).map(lambda tenths: tenths / 10), max_size=6).map(tuple)


def read(file: Path) -> list[dict[str, str]]:
    with file.open(encoding="utf-8", newline="") as stream:
        return list(csv.DictReader(stream))


@given(st.lists(st.tuples(SCORES, SCORES), max_size=5))
def test_every_score_is_counted_in_the_table_of_scores(tmp_path: Path, scores: list[tuple[tuple[float, ...], ...]]) -> None:
    write_scores([MinedExample("", (), (), good, bad, "", (), (), (), (), "") for good, bad in scores], tmp_path / "scores.csv")
    rows = read(tmp_path / "scores.csv")
    middles = [float(row["score"]) for row in rows]

    assert middles == sorted(middles)
    for name, found in (
        ("positives", [s for good, _ in scores for s in good]),
        ("negatives", [s for _, bad in scores for s in bad]),
    ):
        shares = [float(row[name]) for row in rows]
        assert sum(shares) == pytest.approx(1 if found else 0, abs=1e-4)
        width = middles[1] - middles[0]
        for middle, share in zip(middles, shares, strict=True):
            near = sum(abs(score - middle) <= width * 0.51 + 1e-6 for score in found)
            assert (share > 0) <= (near > 0)


@given(st.lists(ROW, max_size=6))
def test_each_table_holds_its_column_of_the_history(tmp_path: Path, rows: list[dict[str, float]]) -> None:
    history = [{"step": 0, "valid_ndcg@10": 0.5}, *({"step": n, **row} for n, row in enumerate(rows, 1))]
    write_curves([row_of(row) for row in history], tmp_path)

    for table, column, key in (
        ("loss", "loss", "loss"),
        ("validation", "ndcg@10", "valid_ndcg@10"),
        ("triplets", "active_triplets", "active_triplets"),
    ):
        found = [(int(row["step"]), float(row[column])) for row in read(tmp_path / f"{table}.csv")]
        assert found == [(row["step"], row[key]) for row in history if key in row]


def test_a_history_is_tables_and_looks_at_modules_one_more(tmp_path: Path) -> None:
    validated = {"valid_ndcg@10": 0.5}
    history = [HistoryRow(0, {"valid_ndcg@10": 0.25}), HistoryRow(1, {"loss": 2.5}), HistoryRow(2, {"loss": 2.0, **validated})]
    write_curves(history, tmp_path)
    write_modules([{"step": 1, "module": "a", "gradient": 0.5, "norms": [1]}], tmp_path)

    assert (tmp_path / "loss.csv").read_text() == "step,loss\n1,2.5\n2,2.0\n"
    assert (tmp_path / "validation.csv").read_text() == "step,ndcg@10\n0,0.25\n2,0.5\n"
    assert read(tmp_path / "modules.csv") == [
        {"step": "1", "module": "a", "gradient": "0.5", "clipped": "", "update_to_weight": ""}
    ]
