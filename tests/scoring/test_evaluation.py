"""The figures of an evaluation are written and read by one record."""

from pathlib import Path

import pytest

from haechi.runtime.errors import HaechiError
from haechi.runtime.files import read_json, write_json
from haechi.scoring.evaluation import Evaluation, evaluation_of, read_evaluation

GAP = {"value": 0.2, "low": 0.1, "high": 0.3, "wins": 4, "ties": 1, "losses": 2}
SCORED = Evaluation(
    testset="t",
    evaluator=2,
    encoder="e",
    n_queries=7,
    primary={"tuned": {"ndcg@10": 0.5}},
    difference={"tuned-base": {"ndcg@10": GAP}},
    gating={"threshold": 0.3},
)


def test_what_is_written_is_read_again_whole_numbers_as_whole_numbers(tmp_path: Path) -> None:
    write_json(tmp_path / "one.json", SCORED.as_json())
    write_json(tmp_path / "two.json", read_evaluation(tmp_path / "one.json").as_json())

    assert (tmp_path / "one.json").read_bytes() == (tmp_path / "two.json").read_bytes()
    assert '"wins": 4' in (tmp_path / "two.json").read_text(encoding="utf-8")


def test_further_systems_are_written_only_where_there_are_some() -> None:
    assert "others" not in SCORED.as_json()
    assert Evaluation(others={"mine": "h"}).as_json()["others"] == {"mine": "h"}


def test_nothing_scored_is_false_and_has_no_gap() -> None:
    nothing = evaluation_of({})

    assert not nothing
    assert nothing.gap("tuned", "base", "ndcg@10") is None
    assert SCORED
    assert SCORED.gap("tuned", "base", "ndcg@10") == GAP


def test_a_file_that_holds_something_else_is_refused_by_name(tmp_path: Path) -> None:
    write_json(tmp_path / "evaluate.json", {"n_queries": "much"})
    assert read_json(tmp_path / "evaluate.json") == {"n_queries": "much"}

    with pytest.raises(HaechiError, match=r"evaluate\.json: not an evaluation .*n_queries"):
        read_evaluation(tmp_path / "evaluate.json")
