"""Submissions put together."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from haechi.answering.conversations import Submission, written_line
from haechi.answering.ensemble import gap, read_submissions, scores, together
from haechi.cli.main import main
from haechi.runtime.errors import HaechiError
from haechi.runtime.files import write_jsonl

IDS = st.lists(st.sampled_from("abcdefg"), unique=True, max_size=5).map(tuple)


@given(st.lists(IDS, min_size=1, max_size=5))
def test_a_run_with_itself_is_itself(lists: list[tuple[str, ...]]) -> None:
    run = [Submission(n, ids) for n, ids in enumerate(lists)]
    assert together([run, run, run]) == run


@given(IDS, IDS)
def test_the_order_of_two_runs_changes_no_id(one: tuple[str, ...], two: tuple[str, ...]) -> None:
    first, second = [Submission(1, one)], [Submission(1, two)]
    assert together([first, second])[0].topk == together([second, first])[0].topk


def test_it_is_silent_where_most_runs_are() -> None:
    runs = [[Submission(1, ())], [Submission(1, ())], [Submission(1, ("a",))]]
    assert together(runs)[0].topk == ()
    assert together(runs[1:])[0].topk == ("a",)


def test_silence_is_right_where_nothing_answers_and_a_difference_below_one_query_is_called_that() -> None:
    gold = {"1": ("a",), "2": (), "3": ("x",)}
    good = [Submission(1, ("a",)), Submission(2, ()), Submission(3, ("y", "x"))]
    bad = [Submission(1, ("b",)), Submission(2, ("b",)), Submission(3, ())]
    assert scores(good, gold) == [1.0, 1.0, 0.5]
    assert scores(bad, gold) == [0.0, 0.0, 0.0]
    assert gap(scores(good, gold), scores(good, gold))[1] == "less than one query"
    assert gap([1.0] * 20, [0.0] * 20)[1] == "better"
    with pytest.raises(HaechiError, match="judge none"):
        scores(good, {"9": ()})


def test_the_command_writes_and_tells(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    for name, ids in (("one", ("a", "b")), ("two", ("b", "a")), ("other", ("c",))):
        write_jsonl(Path(f"{name}.jsonl"), [written_line(Submission(7 if name != "other" else 8, ids))])
    write_jsonl(Path("gold.jsonl"), [{"eval_id": 7, "gold": ["a"]}])
    main(["ensemble", "one.jsonl", "two.jsonl", "--out", "both.jsonl", "--gold", "gold.jsonl"], standalone_mode=False)
    assert "all together" in capsys.readouterr().out
    assert read_submissions([Path("both.jsonl")])[0][0].topk == ("a", "b")
    with pytest.raises(HaechiError, match="answers other conversations than one"):
        read_submissions([Path("one.jsonl"), Path("other.jsonl")])
