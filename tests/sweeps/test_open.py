"""A sweep in a project: agents go on as long as trials stay comparable, and what was measured is kept."""

import os
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner
from pipeline.checkout import ROOT
from ruamel.yaml import YAML
from sweeps.test_agents import Instant

from haechi.cli.sweep import sweep, work
from haechi.pipeline.dvc_lock import md5_of
from haechi.runtime.errors import HaechiError, UsageError
from haechi.runtime.files import write_json
from haechi.sweeps.engine.agent import Agent, Outcome
from haechi.sweeps.engine.config import read_sweep
from haechi.sweeps.engine.results_log import Entry, ResultsLog
from haechi.sweeps.experiments.open import Opened, begin, existing

SWEEP = """
name: one
method: grid
trials: 0
confirm: {top: 0, seeds: 1}
parameters: {train.lr: {choices: [1.0e-3, 2.0e-3]}}
fixed: {train.epochs: 2}
"""


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    for name in ("params.yaml", "dvc.yaml", "dvc.lock"):
        shutil.copy(ROOT / name, tmp_path)
    (tmp_path / ".dvc").mkdir()
    (tmp_path / "stages").mkdir()
    shutil.copy(ROOT / "stages/train.py", tmp_path / "stages")
    (tmp_path / "sweep.yaml").write_text(SWEEP, encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("DVC_ROOT", raising=False)
    return tmp_path


def begun(project: Path) -> Opened:
    return begin(project, read_sweep(project / "sweep.yaml", project / "params.yaml"))


def edited(file: Path, edit: Callable[[str], str]) -> None:
    before = file.read_text(encoding="utf-8")
    file.write_text(edit(before), encoding="utf-8")
    assert file.read_text(encoding="utf-8") != before


def parameter(project: Path, section: str, key: str, value: object) -> None:
    sections = YAML(typ="safe").load((project / "params.yaml").read_text(encoding="utf-8"))
    assert key in sections[section]
    sections[section][key] = value
    YAML().dump(sections, project / "params.yaml")


@contextmanager
def no_checkout(*places: Path) -> Iterator[None]:
    yield None


def failing(*told: object) -> Callable[..., None]:
    def run(*trial: object) -> None:
        raise HaechiError("experiment one-0: no disk left")

    return run


def test_a_sweep_whose_trials_all_failed_is_a_failure_and_advises_no_best(
    project: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("haechi.cli.sweep.lacks_identity", lambda root: False)
    monkeypatch.setattr("haechi.sweeps.experiments.checkouts.checkout", no_checkout)
    monkeypatch.setattr("haechi.cli.sweep.Experiments", failing)
    with pytest.raises(HaechiError, match="no trial ended well; 2 of 2 failed, the last one so: experiment one-0: no disk left"):
        work(begun(project))
    assert "--apply" not in capsys.readouterr().out


def test_a_sweep_refuses_before_its_first_trial_where_git_has_no_name_for_commits(
    project: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in [name for name in os.environ if name.startswith("GIT_")]:
        monkeypatch.delenv(name)
    for name, value in {"HOME": tmp_path, "XDG_CONFIG_HOME": tmp_path, "GIT_CONFIG_GLOBAL": os.devnull}.items():
        monkeypatch.setenv(name, str(value))
    opened = begun(project)
    with pytest.raises(HaechiError, match=r"`git config --global user.name .* and `git config --global user.email"):
        work(opened)
    assert opened.study.trials() == []


CHANGES: dict[str, tuple[Callable[[Path], None], str]] = {
    "a parameter": (lambda p: parameter(p, "train", "batch_size", 96), "params.yaml changed"),
    "the seed of mining": (lambda p: parameter(p, "mine", "seed", 99), "params.yaml changed"),
    "code": (lambda p: edited(p / "stages/train.py", lambda text: text + "\n"), "the library or dvc.yaml changed"),
    "a command": (
        lambda p: edited(p / "dvc.yaml", lambda text: text.replace("--base models/base", "--base models/other")),
        "the library or dvc.yaml changed",
    ),
    "raw data": (
        lambda p: edited(p / "dvc.lock", lambda text: text.replace(_raw(p), "0" * 32 + ".dir")),
        "data that no stage makes changed",
    ),
}


def _raw(project: Path) -> str:
    stage = YAML(typ="safe").load((project / "dvc.lock").read_text(encoding="utf-8"))["stages"]["preprocess"]
    return str(next(dep["md5"] for dep in stage["deps"] if dep["path"] == "data/raw"))


@pytest.mark.parametrize("change", CHANGES)
def test_what_makes_trials_incomparable_stops_agents_and_keeps_what_was_done(project: Path, change: str) -> None:
    opened = begun(project)
    Agent(opened.study, Instant(), before=opened.unchanged(project)).work(1)
    alter, words = CHANGES[change]
    alter(project)
    with pytest.raises(HaechiError, match=f"{words} since sweep one began") as caught:
        Agent(opened.study, Instant(), before=opened.unchanged(project)).work()
    assert "with its 1; those are kept" in str(caught.value)
    assert [trial.state for trial in existing(project, "one").study.trials()] == ["complete"]


@pytest.mark.parametrize(
    "change",
    [
        lambda p: edited(p / "params.yaml", lambda text: "# a note\n" + text),
        lambda p: parameter(p, "train", "lr", 0.5),  # searched
        lambda p: parameter(p, "train", "epochs", 9),  # fixed by the sweep
        lambda p: parameter(p, "evaluate", "seed", 99),  # no trial reads it
    ],
)
def test_what_no_trial_reads_stops_nobody(project: Path, change: Callable[[Path], None]) -> None:
    opened = begun(project)
    change(project)
    assert Agent(opened.study, Instant(), before=opened.unchanged(project)).work() == 2


def test_another_space_under_the_same_name_is_refused_and_more_trials_are_not(project: Path) -> None:
    begun(project)
    edited(project / "sweep.yaml", lambda text: text.replace("trials: 0", "trials: 1"))
    begun(project)
    edited(project / "sweep.yaml", lambda text: text.replace("2.0e-3", "3.0e-3"))
    with pytest.raises(UsageError, match="sweep one exists with another space"):
        begun(project)


def test_the_ledger_gives_back_what_ended_and_not_what_failed(tmp_path: Path) -> None:
    log = ResultsLog(tmp_path / "ledger.jsonl")

    def entry(number: int, state: str, value: float | None) -> Entry:
        return Entry("key", "one", number, {}, 7, "trial", state, value, {})  # type: ignore[arg-type]

    log.add(entry(0, "failed", None))
    assert log.find("key") is None
    log.add(entry(1, "complete", 0.5))
    log.add(entry(2, "complete", 0.6))
    found = log.find("key")
    assert found
    assert found.number == 1
    assert log.find("another") is None


def select_ended(project: Path, metrics: dict[str, Any]) -> None:
    """As DVC would have left it: dvc.lock records the present parameters and the file."""
    yaml, file = YAML(typ="safe"), project / "metrics/select.json"
    write_json(file, metrics)
    lock, params = (yaml.load((project / name).read_text(encoding="utf-8")) for name in ("dvc.lock", "params.yaml"))
    for entry in lock["stages"].values():
        for section in entry.get("params", {}).get("params.yaml", {}):
            name, _, key = section.partition(".")
            entry["params"]["params.yaml"][section] = params[name][key] if key else params[name]
        for out in entry["outs"]:
            out["md5"] = md5_of(file) if out["path"] == "metrics/select.json" else out["md5"]
    YAML().dump(lock, project / "dvc.lock")


def trials_ended(project: Path) -> None:
    scores = [0.3043, 0.3]

    def run(trial: object, report: object) -> Outcome:
        return Outcome(scores.pop(0), {})

    Agent(begun(project).study, run).work()


@pytest.mark.parametrize(
    ("present", "metric", "taken"), [(0.4010, "ndcg@10", False), (0.2, "ndcg@10", True), (0.4010, "mrr@10", True)]
)
def test_a_best_trial_that_scores_below_the_present_model_is_not_recommended_and_not_applied_without_force(
    project: Path, present: float, metric: str, taken: bool
) -> None:
    select_ended(project, {"metric": metric, "validation": {"base": 0.1, "chosen": present}})
    trials_ended(project)
    before = (project / "params.yaml").read_bytes()

    told = CliRunner().invoke(sweep, ["best"])
    assert ("--apply" in told.output) is taken
    assert (
        "trial 0 is no better than what is there: validation 0.3043, the present model has 0.4010" in told.output
    ) is not taken

    applied = CliRunner().invoke(sweep, ["best", "--apply"])
    assert ((project / "params.yaml").read_bytes() != before) is taken
    assert isinstance(applied.exception, HaechiError) is not taken
    CliRunner().invoke(sweep, ["best", "--apply", "--force"])
    assert "epochs: 2\n" in (project / "params.yaml").read_text(encoding="utf-8")


@pytest.mark.parametrize(
    ("section", "key", "why"),
    [
        ("mine", "margin", "params.yaml has changed since metrics/select.json was made (mine)"),
        ("select", "min_gain", "params.yaml has changed since metrics/select.json was made (select)"),
        ("evaluate", "seed", ""),  # comes after select
        ("", "", "metrics/select.json is not the file that dvc.lock records"),
    ],
)
def test_a_best_trial_is_compared_with_a_model_of_the_present_parameters_alone(
    project: Path, section: str, key: str, why: str
) -> None:
    metrics = {"metric": "ndcg@10", "validation": {"base": 0.1, "chosen": 0.401}}
    select_ended(project, metrics)
    trials_ended(project)
    if section:
        parameter(project, section, key, 0.5)
    else:
        write_json(project / "metrics/select.json", metrics | {"metric": "mrr@10"})

    said = CliRunner().invoke(sweep, ["best"]).output
    assert (f"not compared with the model that lies here: {why}; `dvc repro select` makes it" in said) is bool(why)
    assert ("no better than what is there" in said) is (not why)
