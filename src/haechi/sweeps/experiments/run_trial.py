"""A trial as a DVC experiment named `<study>-<number>`: it can be shown, compared, applied and pushed like any other."""

import re
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import orjson

from haechi.pipeline.git import environment_elsewhere, git
from haechi.runtime.errors import HaechiError
from haechi.sweeps.engine.agent import Outcome, Report
from haechi.sweeps.engine.trial import SEED, Trial
from haechi.sweeps.experiments import kill_with_parent
from haechi.sweeps.experiments.checkouts import LAST, Checkout

PROGRESS = "HAECHI_PROGRESS"
POLL = 0.2


@dataclass(frozen=True)
class Experiments:
    """Runs trials in a checkout, and fetches what they leave into the project."""

    root: Path
    checkout: Checkout
    study: str
    metric: str
    fixed: Mapping[str, Any]
    variables: Mapping[str, str]
    """Of the device slot."""

    def __call__(self, trial: Trial, report: Report) -> Outcome:
        """The validation score of the model that select chooses."""
        name = f"{self.study}-{trial.number}"
        began = time.monotonic()
        if not (reference := find(self.root, name)):
            self.checkout.ready()
            for left in filter(None, [find(self.checkout.folder, name)]):  # of an agent that was killed
                git(self.checkout.folder, "update-ref", "-d", left)
            self._run(name, trial, report)
            reference = find(self.checkout.folder, name)
            if not reference:
                raise HaechiError(f"experiment {name}: DVC ended well but left no experiment of that name")
            git(self.root, "fetch", "-q", "--no-write-fetch-head", str(self.checkout.clone), f"+{reference}:{reference}")
        return read(self.root, reference, self.metric, {"experiment": name, "seconds": round(time.monotonic() - began, 1)})

    def _run(self, name: str, trial: Trial, report: Report) -> None:
        values = {**self.fixed, "select.metric": self.metric, **trial.proposal.params, SEED: trial.proposal.seed}
        settings = [word for key, value in values.items() for word in ("-S", f"{key}={plain(value)}")]
        command = [
            sys.executable,
            kill_with_parent.__file__,
            sys.executable,
            "-m",
            "dvc",
            "exp",
            "run",
            "-n",
            name,
            *settings,
            LAST,
        ]
        with tempfile.TemporaryDirectory() as folder:
            progress, log = Path(folder) / "progress.jsonl", Path(folder) / "log"
            variables = {**environment_elsewhere(), **self.variables, PROGRESS: str(progress), "PYTHONUNBUFFERED": "1"}
            with log.open("wb") as stream, _started(command, self.checkout.folder, variables, stream) as child:
                seen = 0
                while child.poll() is None:
                    seen = self._tell(progress, seen, report)
                    time.sleep(POLL)
                self._tell(progress, seen, report)
            if child.returncode:
                raise HaechiError(f"experiment {name}: {problem(log.read_text(encoding='utf-8', errors='replace'))}")

    def _tell(self, progress: Path, seen: int, report: Report) -> int:
        if not progress.exists():
            return seen
        rows = [orjson.loads(line) for line in progress.read_bytes().split(b"\n")[:-1]]
        rows = [row for row in rows if row["step"]]  # 0 is the base, before training
        for number, row in enumerate(rows[seen:], start=seen + 1):
            if self.metric in row["metrics"]:
                report(number, float(row["metrics"][self.metric]))
        return len(rows)


def find(folder: Path, name: str) -> str:
    """The reference of an experiment by its name, on whatever commit; empty if there is none."""
    lines = git(folder, "for-each-ref", "--format=%(refname)", "refs/exps/*/*/" + name).split()
    return lines[0] if lines else ""


def read(root: Path, reference: str, metric: str, facts: Mapping[str, Any]) -> Outcome:
    """What select wrote into the experiment."""
    prefix = git(root, "rev-parse", "--show-prefix").strip()
    selection = orjson.loads(git(root, "show", f"{reference}:{prefix}metrics/select.json"))
    if selection["metric"] != metric:
        raise HaechiError(f"{reference}: select ranked by {selection['metric']}, and this sweep goes by {metric}")
    chosen = {"chosen": selection["chosen"], "untrained": selection["validation"]["base"], "encoder": selection["encoder"]}
    return Outcome(float(selection["validation"]["chosen"]), {**facts, **chosen})


def plain(value: Any) -> str:
    """A value as `-S` takes it."""
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, float):
        return repr(value)
    return str(value) if isinstance(value, str | int) else orjson.dumps(value).decode()


def problem(log: str) -> str:
    """The sentence with which a stage, or DVC, ended."""
    lines = [re.sub(r"\x1b\[[0-9;]*m", "", line).strip() for line in log.splitlines()]
    errors = [line for line in lines if line.startswith(("error: ", "ERROR: "))]
    return (errors[:1] or [line for line in lines if line][-1:] or ["it ended without a word"])[0].removeprefix("error: ")[:500]


@contextmanager
def _started(command: list[str], folder: Path, variables: Mapping[str, str], log: Any) -> Iterator[subprocess.Popen[bytes]]:
    """The command in a group of its own that ends with us, or when the block ends early."""
    pipe, alike = subprocess.PIPE, subprocess.STDOUT
    child = subprocess.Popen(command, cwd=folder, env={**variables}, stdin=pipe, stdout=log, stderr=alike, start_new_session=True)
    try:
        yield child
    finally:
        if child.stdin:
            child.stdin.close()
        child.wait()
