"""history.jsonl: what is written is read again, and the bytes are those of plain lines."""

from pathlib import Path

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from haechi.guards.history import HistoryRow, read_history, row_of, write_history
from haechi.runtime.errors import BadRecord

NAMES = ("loss", "learning_rate", "grad_norm", "active_triplets", "valid_loss", "valid_ndcg@10")
NUMBERS = st.one_of(st.integers(-9, 9), st.floats(allow_nan=False, allow_infinity=False), st.none())
LINES = st.one_of(
    st.lists(st.tuples(st.sampled_from(NAMES), NUMBERS), unique_by=lambda pair: pair[0]).map(dict),
    st.builds(lambda what, batch: {"skipped": what, "batch": batch}, st.sampled_from(("loss", "gradient")), st.lists(st.text(max_size=3), max_size=3)),
    st.builds(lambda rule: {"event": "stop", "rule": rule}, st.sampled_from(("divergence", "collapse"))),
    st.builds(lambda step: {"event": "rollback", "rule": "collapse", "to": step}, st.integers(0, 9)),
).flatmap(lambda rest: st.integers(0, 99).map(lambda step: {"step": step, **rest}))  # fmt: skip


@given(st.lists(LINES, max_size=8))
def test_a_history_comes_back_and_its_bytes_are_those_of_the_plain_lines(tmp_path: Path, lines: list[dict]) -> None:
    file = tmp_path / "history.jsonl"
    rows = [row_of(line) for line in lines]
    write_history(file, rows)

    assert file.read_bytes() == b"".join(orjson.dumps(line) + b"\n" for line in lines)
    assert read_history(file) == rows


def test_what_a_row_says_stands_under_its_name() -> None:
    assert row_of({"step": 3, "loss": 1.5}) == HistoryRow(3, {"loss": 1.5})
    assert row_of({"step": 4, "skipped": "loss", "batch": ["q1"]}) == HistoryRow(4, skipped="loss", batch=("q1",))
    assert row_of({"step": 5, "event": "rollback", "rule": "collapse", "to": 2}) == HistoryRow(
        5, event="rollback", rule="collapse", to=2
    )


@pytest.mark.parametrize("line", ['{"loss": 1.0}', '{"step": "x"}', '{"step": 1, "loss": "low"}', "[1]", "{"])
def test_a_line_that_is_no_row_is_one_sentence_with_its_number(tmp_path: Path, line: str) -> None:
    file = tmp_path / "history.jsonl"
    file.write_text('{"step": 1, "loss": 2.0}\n' + line + "\n", encoding="utf-8")
    with pytest.raises(BadRecord, match=r"history\.jsonl:2: ") as caught:
        read_history(file)
    assert "\n" not in str(caught.value)
