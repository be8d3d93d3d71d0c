"""Trackers get what the history gets, never stop anything, and are asked for by name."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from haechi.guards.history import HistoryRow, row_of
from haechi.runtime.errors import HaechiError, UsageError
from haechi.training import trackers
from haechi.training.trackers import KINDS, Tracked, figures, require, trackers_named, tracking

ROWS = st.lists(
    st.one_of(
        st.fixed_dictionaries({"loss": st.floats(-9, 9), "learning_rate": st.floats(0, 1)}),
        st.fixed_dictionaries({"valid_ndcg@10": st.floats(0, 1)}),
        st.fixed_dictionaries({"event": st.sampled_from(("rollback", "stop")), "rule": st.just("collapse"), "to": st.just(3)}),
        st.fixed_dictionaries({"skipped": st.just("loss"), "batch": st.just(["q1"])}),
        st.just({}),
    ),
    max_size=8,
).map(lambda rows: [row_of({"step": step, **row}) for step, row in enumerate(rows)])


class StandIn:
    """Remembers what it was told."""

    def __init__(self) -> None:
        self.told: list[tuple[int, dict[str, float]]] = []
        self.ended: list[bool] = []

    def report(self, step: int, figures: Any) -> None:
        self.told.append((step, dict(figures)))

    def finish(self, ok: bool) -> None:
        self.ended.append(ok)


class Broken(StandIn):
    """Fails in its second report, and says its key."""

    def report(self, step: int, figures: Any) -> None:
        super().report(step, figures)
        if len(self.told) == 2:
            raise ConnectionError("my key is sk-secret")


def wanted(rows: Sequence[HistoryRow]) -> list[tuple[int, dict[str, float]]]:
    found = []
    for row in rows:
        if row.event:
            found.append((row.step, {f"event_{row.event}": 1.0}))
        elif row.skipped:
            found.append((row.step, {f"skipped_{row.skipped}": 1.0}))
        elif row.figures:
            found.append((row.step, dict(row.figures)))
    return found


@given(ROWS, st.lists(st.integers(0, 8), max_size=4))
def test_every_row_is_reported_once_in_order_however_the_history_grows(rows: list[HistoryRow], looks: list[int]) -> None:
    one, two = StandIn(), StandIn()
    tracked = Tracked({"one": one, "two": two})
    for look in [*sorted(looks), len(rows)]:
        tracked.follow(rows[:look])

    assert one.told == two.told == wanted(rows)


def test_one_that_fails_is_left_out_and_the_others_go_on(capsys: pytest.CaptureFixture[str]) -> None:
    rows = [HistoryRow(step, {"loss": 1.0 / step}) for step in range(1, 5)]
    good, bad = StandIn(), Broken()
    tracked = Tracked({"bad": bad, "good": good})
    tracked.follow(rows)
    tracked.finish(ok=True)
    said = capsys.readouterr().out

    assert good.told == wanted(rows)
    assert good.ended == [True]
    assert (len(bad.told), bad.ended) == (2, [])
    assert said == "bad: failed (ConnectionError), and is told nothing more; the work goes on\n"


def test_the_end_of_the_block_is_told_whether_it_is_good_or_bad(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DVC_ROOT", str(tmp_path))
    made: list[StandIn] = []
    folders: list[Path] = []

    def opened(folder: Path, config: Any) -> StandIn:
        folders.append(folder)
        made.append(StandIn())
        return made[-1]

    def closed(folder: Path, config: Any) -> StandIn:
        raise OSError("my key is sk-secret")

    monkeypatch.setattr(trackers, "KINDS", {"opened": opened, "closed": closed})
    with tracking(("closed", "opened"), {}) as tracked:
        tracked.follow([HistoryRow(1, {"loss": 2.0})])
    with pytest.raises(ZeroDivisionError), tracking(("opened",), {}):
        raise ZeroDivisionError

    assert [one.ended for one in made] == [[True], [False]]
    assert made[0].told == [(1, {"loss": 2.0})]
    assert all(folder.parent == tmp_path / ".haechi/logs/train" for folder in folders)


def test_without_a_name_nothing_is_opened_or_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DVC_ROOT", str(tmp_path))
    assert trackers_named({}) == trackers_named({"HAECHI_LOG": " , "}) == ()
    with tracking(trackers_named({}), {}) as tracked:
        tracked.follow([HistoryRow(1, {"loss": 2.0})])
    assert list(tmp_path.iterdir()) == []


def test_names_are_taken_once_in_their_order_and_unknown_ones_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(trackers, "require", lambda package, told: None)

    assert trackers_named({"HAECHI_LOG": "tensorboard, wandb ,tensorboard"}) == ("tensorboard", "wandb")
    assert trackers_named({"HAECHI_LOG": ",".join(KINDS)}) == ("dvclive", "wandb", "tensorboard")
    with pytest.raises(UsageError, match="HAECHI_LOG names 'mlflow'; it takes dvclive, wandb, tensorboard, with commas"):
        trackers_named({"HAECHI_LOG": "wandb,mlflow"})


@pytest.mark.parametrize("name", KINDS)
def test_an_extra_that_is_missing_is_one_sentence_with_its_command(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(trackers.importlib.util, "find_spec", lambda package: None)

    with pytest.raises(HaechiError) as caught:
        trackers_named({"HAECHI_LOG": name})
    assert str(caught.value) == f"HAECHI_LOG={name} needs the extra: pip install -e '.[{name}]' -c constraints.txt"


def test_each_name_is_an_extra_of_the_project() -> None:
    import tomllib

    project = tomllib.loads((Path(__file__).parents[2] / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    assert set(KINDS) <= set(project["optional-dependencies"])


def test_a_folder_of_that_name_is_no_package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Weights & Biases leaves a folder `wandb` wherever it has run."""
    (tmp_path / "leftover").mkdir()
    monkeypatch.syspath_prepend(tmp_path)

    with pytest.raises(HaechiError, match=r"needs the extra: pip install -e '.\[leftover\]'"):
        require("leftover", "x")
    require("pytest", "x")


def test_rows_are_figures_and_nothing_else() -> None:
    assert figures(HistoryRow(3, {"loss": 1})) == {"loss": 1.0}
    assert figures(HistoryRow(3, skipped="gradient", batch=("q",))) == {"skipped_gradient": 1.0}
    assert figures(HistoryRow(3, event="rollback", rule="collapse", to=1)) == {"event_rollback": 1.0}
