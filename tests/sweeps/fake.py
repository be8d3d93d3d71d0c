"""A project-less study with a made-up objective, as a program: agents of a test run it and are killed."""

import sys
import time
from pathlib import Path

from haechi.sweeps.engine.agent import Agent, Outcome, Report
from haechi.sweeps.engine.config import Axis, Confirm, Sweep
from haechi.sweeps.engine.methods import Grid, Sampled
from haechi.sweeps.engine.owners import myself
from haechi.sweeps.engine.results_log import ResultsLog
from haechi.sweeps.engine.storage import Storage
from haechi.sweeps.engine.study import Study, open_study
from haechi.sweeps.engine.trial import Proposal, Trial

BASE = {"params": "p", "data": "d", "code": "c"}
SPACE = {"train.lr": Axis(low=1e-5, high=1e-2, log=True), "train.warmup_ratio": Axis(low=0.0, high=0.2)}


def sweep(trials: int = 20, method: str = "bayes", top: int = 0) -> Sweep:
    parameters = SPACE if method != "grid" else {"train.batch_size": Axis(choices=tuple(range(1, trials + 1)))}
    return Sweep("fake", parameters, method=method, trials=trials, confirm=Confirm(top, 3))  # type: ignore[arg-type]


def study(folder: Path, plan: Sweep, storage: str = "", timeout: float = 60.0) -> Study:
    place = Storage(storage or str(folder / "journal.log"))
    current = Proposal({"train.lr": 1e-3, "train.warmup_ratio": 0.1}, 7, facts={"current": True})
    method = Grid(plan, current) if plan.method == "grid" else Sampled(plan, current)
    return Study(open_study(place, plan.name), place, method, ResultsLog(folder / "ledger.jsonl"), myself(), BASE, timeout)


class Slow:
    """Notes each beginning and each end, and takes its time in between."""

    def __init__(self, folder: Path, seconds: float) -> None:
        self._folder, self._seconds = folder, seconds

    def __call__(self, trial: Trial, report: Report) -> Outcome:
        time.sleep(self._seconds)
        (self._folder / f"ran-{trial.number}-{time.monotonic_ns()}").touch()
        return Outcome(float(sum(float(v) for v in trial.proposal.params.values())) + 0.001 * trial.proposal.seed, {})


if __name__ == "__main__":
    place, seconds, storage, method = Path(sys.argv[1]), float(sys.argv[2]), sys.argv[3], sys.argv[4]
    Agent(study(place, sweep(method=method), storage), Slow(place, seconds), poll=0.05).work()
