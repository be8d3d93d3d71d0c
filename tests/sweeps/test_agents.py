"""Agents that are killed: no trial is lost, none is run twice to its end."""

import collections
import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path
from types import SimpleNamespace

import pytest
from proofs.project import ROOT
from sweeps import fake

from haechi.runtime.errors import HaechiError
from haechi.sweeps.engine.agent import Agent, Outcome, Report
from haechi.sweeps.engine.results_log import ResultsLog
from haechi.sweeps.engine.study import Lost, Wait
from haechi.sweeps.engine.trial import Trial
from haechi.sweeps.learning_rate.method import RANGE_TEST, Rates
from haechi.sweeps.learning_rate.search import Search


def start(folder: Path, seconds: float, storage: str = "", method: str = "bayes") -> subprocess.Popen[bytes]:
    paths = os.pathsep.join([str(ROOT / "src"), str(ROOT / "tests")])
    log = (folder / f"log-{time.monotonic_ns()}").open("wb")
    program = [sys.executable, str(ROOT / "tests" / "sweeps" / "fake.py"), str(folder), str(seconds), storage, method]
    return subprocess.Popen(program, env={**os.environ, "PYTHONPATH": paths}, stdout=log, stderr=log)


def killed_at_random(folder: Path, storage: str, method: str) -> None:
    """Two agents, six kills, twenty trials: none lost, none repeated."""
    dice = random.Random(6)  # noqa: S311  (when to kill, no secret)
    agents = [start(folder, 0.08, storage, method) for _ in range(2)]
    deadline, kills = time.monotonic() + 240, 0
    while any(agent.poll() is None for agent in agents) and time.monotonic() < deadline:
        time.sleep(dice.uniform(0.4, 1.6))
        if kills < 6:
            victim = dice.randrange(2)
            agents[victim].send_signal(signal.SIGKILL)
            agents[victim].wait()
            agents[victim] = start(folder, 0.08, storage, method)
            kills += 1
    for agent in agents:
        assert agent.wait(30) == 0, [log.read_text() for log in folder.glob("log-*")]
    trials = fake.study(folder, fake.sweep(method=method), storage).trials()
    assert len(trials) == 20
    assert {trial.state for trial in trials} == {"complete"}
    assert len({tuple(trial.proposal.params.items()) for trial in trials}) == 20
    entries = list(ResultsLog(folder / "ledger.jsonl").entries())
    assert sorted(entry.number for entry in entries) == sorted(trial.number for trial in trials)
    ran = collections.Counter(int(file.name.split("-")[1]) for file in folder.glob("ran-*"))
    assert set(ran) == {trial.number for trial in trials}
    assert sum(ran.values()) - 20 <= kills  # only what ended in the moment between its end and its line in the log
    assert kills


@pytest.mark.slow
@pytest.mark.parametrize(("kind", "method"), [("", "bayes"), ("sqlite", "bayes"), ("", "grid")])
def test_two_agents_killed_at_random_finish_twenty_trials_with_none_lost_and_none_repeated(
    tmp_path: Path, kind: str, method: str
) -> None:
    killed_at_random(tmp_path, f"sqlite:///{tmp_path}/study.db" if kind else "", method)


def once(value: float = 0.5) -> Outcome:
    return Outcome(value, {})


class Instant:
    def __init__(self, *problems: BaseException) -> None:
        self._problems = list(problems)

    def __call__(self, trial: Trial, report: Report) -> Outcome:
        if self._problems:
            raise self._problems.pop(0)
        return once(trial.number / 100)


def test_a_trial_that_was_given_back_goes_on_under_its_number(tmp_path: Path) -> None:
    first = fake.study(tmp_path, fake.sweep(3))
    with pytest.raises(KeyboardInterrupt):
        Agent(first, Instant(KeyboardInterrupt())).work()
    second = fake.study(tmp_path, fake.sweep(3))
    taken = second.claim()
    assert isinstance(taken, Trial)
    assert taken.number == 0
    assert taken.proposal == first.trials()[0].proposal


def test_an_agent_elsewhere_is_dead_after_silence_and_not_before(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from dataclasses import replace

    clock = [0.0]
    monkeypatch.setattr("haechi.sweeps.engine.study.time", SimpleNamespace(monotonic=lambda: clock[0]))
    far, near = fake.study(tmp_path, fake.sweep(1)), fake.study(tmp_path, fake.sweep(1), timeout=60)
    far._me = replace(far._me, place="another machine")
    theirs = far.claim()
    assert isinstance(theirs, Trial)
    for moment in (0, 1, 59):
        clock[0] = moment
        assert isinstance(near.claim(), Wait)  # silent, but not for long enough
    far._set(far._get(theirs), "beat", "still here")
    for moment in (61, 120):
        clock[0] = moment
        assert isinstance(near.claim(), Wait)  # it gave a sign of life since
    clock[0] = 122
    taken = near.claim()
    assert isinstance(taken, Trial)
    assert taken.number == theirs.number
    with pytest.raises(Lost):
        far.finish(theirs, "complete", 1.0, {})
    near.finish(taken, "complete", 0.5, {})
    assert [trial.value for trial in near.trials()] == [0.5]


def test_an_agent_gives_signs_of_life_while_its_trial_runs(tmp_path: Path) -> None:
    study = fake.study(tmp_path, fake.sweep(1), timeout=0.2)
    trial = study.claim()
    assert isinstance(trial, Trial)
    beats: set[object] = set()
    deadline = time.monotonic() + 60
    with study.alive(trial):
        while len(beats) < 2 and time.monotonic() < deadline:
            beats |= {study._get(trial).user_attrs["beat"]} if "beat" in study._get(trial).user_attrs else set()
            time.sleep(0.02)
    assert len(beats) == 2


def test_a_storage_that_vanishes_is_one_sentence_and_the_ledger_brings_its_trials_back(tmp_path: Path) -> None:
    study = fake.study(tmp_path, fake.sweep(4))
    Agent(study, Instant()).work(2)
    (tmp_path / "journal.log").unlink()
    with pytest.raises(HaechiError, match=r"journal\.log is gone \(what has been measured is in the ledger\)"):
        study.claim()
    again = fake.study(tmp_path, fake.sweep(4))
    Agent(again, Instant()).work()
    trials = again.trials()
    assert len(trials) == 4
    assert "reused" in trials[0].facts
    assert len(list(ResultsLog(tmp_path / "ledger.jsonl").entries())) == 2 + sum("reused" not in trial.facts for trial in trials)


def test_a_locked_storage_is_one_sentence(tmp_path: Path) -> None:
    study = fake.study(tmp_path, fake.sweep(2))
    other = fake.study(tmp_path, fake.sweep(2))
    with (
        study.storage.turn(),
        pytest.raises(HaechiError, match="has been locked by another agent"),
        other.storage.turn(patience=0.1),
    ):
        pass


def test_a_journal_and_a_ledger_with_a_torn_last_line_go_on(tmp_path: Path) -> None:
    study = fake.study(tmp_path, fake.sweep(3))
    Agent(study, Instant()).work(2)
    for name in ("journal.log", "ledger.jsonl"):
        file = tmp_path / name
        file.write_bytes(file.read_bytes() + b'{"half":')
    again = fake.study(tmp_path, fake.sweep(3))
    Agent(again, Instant()).work()
    assert [trial.state for trial in again.trials()] == ["complete"] * 3
    assert len(list(ResultsLog(tmp_path / "ledger.jsonl").entries())) == 3


def test_failures_are_kept_with_their_reason_and_three_in_a_row_stop_the_agent(tmp_path: Path) -> None:
    study = fake.study(tmp_path, fake.sweep(10))
    with pytest.raises(HaechiError, match="3 trials in a row failed, the last one so: no disk left"):
        Agent(study, Instant(*(HaechiError("no disk left") for _ in range(3)))).work()
    assert [trial.facts["error"] for trial in study.trials()] == ["no disk left"] * 3


def test_each_trial_says_which_of_how_many_it_is(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Repeats of the best with other seeds are counted from the beginning."""
    Agent(fake.study(tmp_path, fake.sweep(2, "grid", top=1)), Instant()).work()
    said = [line.partition(": ")[2].partition(": ")[0] for line in capsys.readouterr().out.splitlines() if " of " in line]
    assert said == ["trial 1 of 4", "trial 2 of 4", "trial 3 of 4", "trial 4 of 4"]


def test_the_best_and_the_present_parameters_run_again_with_other_seeds(tmp_path: Path) -> None:
    study = fake.study(tmp_path, fake.sweep(6, top=2))
    Agent(study, Instant()).work()
    repeats = [trial for trial in study.trials() if trial.proposal.kind == "repeat"]
    assert collections.Counter(trial.proposal.facts["of"] for trial in repeats) == {5: 2, 4: 2, 0: 2}
    assert {trial.proposal.seed for trial in repeats} == {8, 9}


def test_a_search_that_grows_names_no_total_and_its_range_test_no_score(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    def run(trial: Trial, report: Report) -> Outcome:
        if trial.proposal.kind == RANGE_TEST:
            return Outcome(0.0, {"rates": [1e-4, 1e-3, 1e-2], "losses": [3.0, 2.0, 4.0]})
        return Outcome(0.4, {})

    study = fake.study(tmp_path, fake.sweep(1))
    study.method = Rates(Search(rates=3, seeds=2))
    Agent(study, run).work(2)
    said = capsys.readouterr().out

    assert "trial 1, about " in said
    assert " of " not in said
    assert "fake-0: complete\n" in said
    assert "fake-1: complete 0.4000\n" in said


@pytest.mark.parametrize("method", ["bayes", "random"])
def test_numbers_are_drawn_as_a_person_would_write_them_and_within_their_range(tmp_path: Path, method: str) -> None:
    study = fake.study(tmp_path, fake.sweep(12, method))
    Agent(study, Instant()).work()
    drawn = [float(value) for trial in study.trials() for value in trial.proposal.params.values()]

    assert drawn == [float(f"{value:.4g}") for value in drawn]
    assert all(1e-5 <= float(trial.proposal.params["train.lr"]) <= 1e-2 for trial in study.trials())


def test_present_parameters_outside_the_ranges_run_first_and_leave_the_sampler_alone(tmp_path: Path) -> None:
    from dataclasses import replace

    from haechi.sweeps.engine.methods import Sampled
    from haechi.sweeps.engine.trial import Proposal
    from haechi.sweeps.results.leaderboard import importance

    study = fake.study(tmp_path, plan := fake.sweep(12, top=1))
    study.method = Sampled(plan, replace(Proposal({"train.lr": 0.5, "train.warmup_ratio": 0.1}, 7), facts={"current": True}))
    Agent(study, Instant()).work()
    trials = study.trials()
    assert trials[0].proposal.params == {"train.lr": 0.5, "train.warmup_ratio": 0.1}
    assert all(1e-5 <= float(trial.proposal.params["train.lr"]) <= 1e-2 for trial in trials[1:12])
    assert {trial.proposal.facts["of"] for trial in trials[12:]} == {0, 11}
    assert sum(importance(study.optuna).values()) == pytest.approx(1)
