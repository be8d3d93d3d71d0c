"""Sweeps on the miniature pipeline: trials are experiments, the workspace stays as it is, a killed agent costs nothing."""

import json
import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import psutil
import pytest
from proofs import project
from ruamel.yaml import YAML

pytestmark = [pytest.mark.slow, pytest.mark.timeout(900)]

SWEEP = """
name: mini
method: grid
trials: 0
confirm: {top: 0, seeds: 1}
parameters:
  train.lr: {choices: [1.0e-3, 2.0e-3]}
"""


def command(*arguments: str) -> list[str]:
    code = "import sys; sys.argv[0] = 'haechi'; from haechi.cli.main import entry; entry()"
    return [sys.executable, "-c", code, *arguments]


def surroundings(folder: Path) -> dict[str, str]:
    """Of a user whose git knows no name but the project's own."""
    home = {"HOME": str(folder.parent), "XDG_CONFIG_HOME": str(folder.parent), "GIT_CONFIG_GLOBAL": os.devnull}
    return {"PYTHONPATH": str(folder / "src"), **home}


def haechi(folder: Path, *arguments: str, check: bool = True) -> str:
    return project.run(folder, *command(*arguments), check=check, **surroundings(folder)).stdout


def below(folder: Path) -> list[psutil.Process]:
    """Processes that work in this folder."""
    found = []
    for process in psutil.process_iter():
        try:
            if Path(process.cwd()).is_relative_to(folder):
                found.append(process)
        except (psutil.Error, OSError):
            continue
    return found


def test_two_trials_one_killed_agent_and_a_workspace_that_nobody_touched(finished: Path) -> None:
    (finished / "sweep.yaml").write_text(SWEEP, encoding="utf-8")
    project.commit(finished, "a sweep")
    (finished / "params.yaml").write_text((finished / "params.yaml").read_text(encoding="utf-8") + "# a note\n", encoding="utf-8")
    before = project.git(finished, "status", "--short")
    stands = finished / ".haechi/sweeps/mini/stands"

    told = project.environment(**surroundings(finished))
    agent = subprocess.Popen(command("sweep", "--config", "sweep.yaml"), cwd=finished, env=told, stdout=subprocess.DEVNULL)
    deadline = time.monotonic() + 500
    while time.monotonic() < deadline and not any("stages/" in " ".join(p.cmdline()) for p in below(stands)):
        assert agent.poll() is None, "the agent ended before its first trial began"
        time.sleep(0.2)
    assert below(stands)
    agent.send_signal(signal.SIGKILL)
    agent.wait()
    deadline = time.monotonic() + 60
    while below(stands) and time.monotonic() < deadline:
        time.sleep(0.1)
    assert below(stands) == [], "the leash let go"

    haechi(finished, "sweep", "agent", "mini")

    assert project.git(finished, "status", "--short") == before
    ledger = [
        json.loads(line) for line in (finished / ".haechi/sweeps/mini/ledger.jsonl").read_text(encoding="utf-8").splitlines()
    ]
    assert [(entry["number"], entry["params"], entry["state"]) for entry in ledger] == [
        (0, {"train.lr": 1e-3}, "complete"),
        (1, {"train.lr": 2e-3}, "complete"),
    ]
    assert all(set(entry["steps"]) == {"1", "2"} for entry in ledger)
    lock = YAML(typ="safe").load(project.git(finished, "show", "HEAD:dvc.lock"))["stages"]
    for entry in ledger:
        reference = project.git(finished, "for-each-ref", "--format=%(refname)", f"refs/exps/*/*/mini-{entry['number']}").strip()
        chosen = json.loads(project.git(finished, "show", f"{reference}:metrics/select.json"))
        assert chosen["validation"]["chosen"] == entry["value"]
        names = project.git(finished, "ls-tree", "-r", "--name-only", reference).splitlines()
        assert "metrics/select.json" in names
        assert not {"metrics/evaluate.json", "metrics/per_query.json"} & set(names)  # HEAD's, and of another model
        of_trial = YAML(typ="safe").load(project.git(finished, "show", f"{reference}:dvc.lock"))["stages"]
        assert of_trial["mine"] == lock["mine"]
        assert of_trial["train"] != lock["train"]
    assert "trial" in haechi(finished, "sweep", "status", "mini")
    haechi(finished, "sweep", "report", "mini")
    page = (finished / "reports/sweep-mini.html").read_text(encoding="utf-8")
    assert "<svg" in page
    assert "https://" not in page.replace("https://www.w3.org", "").replace("http://www.w3.org", "")

    best = max(ledger, key=lambda entry: entry["value"])
    haechi(finished, "sweep", "best", "mini", "--apply", "--force")  # the present model may be better
    assert f"lr: {best['params']['train.lr']}" in (finished / "params.yaml").read_text(encoding="utf-8")
    assert "# a note" in (finished / "params.yaml").read_text(encoding="utf-8")

    (finished / "params.yaml").write_text(
        project.MINI_PARAMS.read_text(encoding="utf-8").replace("epochs: 2", "epochs: 3"), encoding="utf-8"
    )
    said = haechi(finished, "sweep", "agent", "mini", check=False)
    assert "params.yaml changed since sweep mini began" in said
    assert "Traceback" not in said


def test_without_a_name_for_commits_no_trial_begins(finished: Path) -> None:
    (finished / "sweep.yaml").write_text(SWEEP, encoding="utf-8")
    project.git(finished, "config", "--unset", "user.name")
    done = project.run(finished, *command("sweep", "--config", "sweep.yaml"), check=False, **surroundings(finished))
    assert done.returncode == 1
    assert "`git config --global user.name" in done.stdout.splitlines()[-1]
    assert "trial 1" not in done.stdout


def test_the_search_for_the_rate_goes_on_and_applies_what_it_found(finished: Path) -> None:
    search = ("lr-sweep", "--rates", "3", "--seeds", "2", "--examples", "100", "--low", "1e-5")
    first = haechi(finished, *search)
    assert re.search(r"trial 1, about \d+ to go: seed 7 \(range test\)", first)
    assert "of the base" not in first, "a range test validates nothing"
    found = json.loads((finished / "reports/lr-sweep/optimal_lr.json").read_text(encoding="utf-8"))
    ledger = finished / ".haechi/sweeps/lr-sweep/ledger.jsonl"
    lines = ledger.read_text(encoding="utf-8").splitlines()
    entries = [json.loads(line) for line in lines]
    assert len(entries) == found["search"]["trainings"] == len({entry["key"] for entry in entries})
    assert {entry["kind"] for entry in entries} == {"rate", "range test"}
    assert (finished / "reports/lr-sweep/lr_sweep.svg").is_file()

    ledger.write_text("\n".join(lines[:4]) + "\n", encoding="utf-8")  # as if it had been killed then
    (finished / ".haechi/sweeps/lr-sweep/journal.log").unlink()
    second = haechi(finished, *search, "--apply")
    assert second.count("trial") < first.count("trial")
    again = json.loads((finished / "reports/lr-sweep/optimal_lr.json").read_text(encoding="utf-8"))
    assert again == found
    rate = found["lr"]
    params = (finished / "params.yaml").read_text(encoding="utf-8")
    assert params.startswith("# The miniature pipeline")
    assert rate is None or f"lr: {rate}" in params
