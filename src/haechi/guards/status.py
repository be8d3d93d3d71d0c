"""reports/stages/train.json from the first moment on: what state a run is in, so that a run that ended badly says so too.

While it runs, and when it fails, nothing of it is an output of DVC yet; DVC removes the file before the stage starts again. Only
`finished` and `stopped` are ever tracked, and those depend on inputs and parameters alone. A run that was interrupted (Ctrl-C)
has no verdict: nothing is wrong with it. A run that is killed can't say so: `state_of` calls one that is `running` and holds no
lock on its folder `crashed`.
"""

import os
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, fields, replace
from pathlib import Path
from typing import Any, Protocol

import msgspec

from haechi.runtime.errors import HaechiError
from haechi.runtime.files import read_json, write_json
from haechi.runtime.locks import holder_of, lock_of

EXPERIMENT = "DVC_EXP_NAME"
"""DVC tells a stage the name of its experiment in this variable."""
SCORE = "ndcg@10"


@dataclass(frozen=True)
class TrainingStatus:
    """What the file holds; what a run has not come to is empty here and absent there."""

    state: str = ""
    """running, interrupted, finished, stopped, failed or crashed."""
    reason: str = ""
    """Why it ended so."""
    experiment: str = ""
    step: int | None = None
    """That of the last validation."""
    steps: int | None = None
    score: float | None = None
    """Of the last validation; `ndcg@10` in the file."""
    verdict: str | None = None
    reasons: tuple[str, ...] = ()
    reasons_ko: tuple[str, ...] = ()
    next: tuple[str, ...] = ()
    """Commands to try."""
    examples: Mapping[str, int] = field(default_factory=dict)
    health: Mapping[str, Any] = field(default_factory=dict)
    """The figures that the verdict is made of, and what was seen of every module."""
    validation: Mapping[str, Any] = field(default_factory=dict)

    def __bool__(self) -> bool:
        """Whether there was a run."""
        return self != TrainingStatus()

    def as_json(self) -> dict[str, Any]:
        """What the file holds."""
        values = {_NAMES.get(one.name, one.name): getattr(self, one.name) for one in fields(self)}
        come_to = {name: value for name, value in values.items() if value is not None and value not in ("", (), {})}
        return {"state": self.state, "reason": self.reason, **come_to}


_NAMES = {"score": SCORE}
"""Field -> its name in the file, where that is another one."""


def status_of(facts: Mapping[str, Any]) -> TrainingStatus:
    """The status that a file's figures say."""
    names = {name: one for one, name in _NAMES.items()}
    try:
        return msgspec.convert({names.get(name, name): value for name, value in facts.items()}, TrainingStatus)
    except msgspec.ValidationError as error:
        raise HaechiError(f"the status of a training can't be read: {error}; run `dvc repro train`") from error


class Report(Protocol):
    """Told at every validation how far the run is."""

    def __call__(self, step: int, steps: int, score: float | None = None) -> None:
        """`score` is that of the validation."""


@contextmanager
def reporting(file: Path, again: Callable[[], str] = lambda: "begins at step 0") -> Iterator[Report]:
    """Write `running` now and whenever the run reports; if it ends with an error, write what became of it.

    `again` says how the same run would begin if it were started now.
    """
    last = TrainingStatus("running", experiment=os.environ.get(EXPERIMENT, ""))
    write_status(file, last)

    def report(step: int, steps: int, score: float | None = None) -> None:
        nonlocal last
        last = replace(last, step=step, steps=steps, score=score)
        write_status(file, last)

    try:
        yield report
    except KeyboardInterrupt:
        reason = f"{_where(last)}; the same run again {again()}"
        write_status(file, replace(last, state="interrupted", reason=reason, next=(_same_run(last),)))
        raise
    except HaechiError as error:
        write_status(file, _ended("failed", str(error), last, "haechi doctor"))
        raise
    except BaseException as error:
        reason = f"{type(error).__name__}: {error}".splitlines()[0].rstrip(": ")
        write_status(file, _ended("crashed", reason, last, _same_run(last)))
        raise


def write_status(file: Path, status: TrainingStatus) -> None:
    """Replace what the file says."""
    write_json(file, status.as_json())


def state_of(file: Path, run: Path) -> TrainingStatus:
    """What the file says, and the truth about a run that no longer runs. `run` is the folder that the run writes."""
    status = status_of(read_json(file))
    if status.state == "running" and holder_of(lock_of(run)) is None:
        reason = f"its process was killed {_where(status)}; the same run again goes on from the last state that it saved, if any"
        return _ended("crashed", reason, status, _same_run(status))
    return status


def _same_run(status: TrainingStatus) -> str:
    """The command; an experiment keeps its name."""
    return f"dvc exp run -n {status.experiment}" if status.experiment else "dvc repro"


def _where(status: TrainingStatus) -> str:
    """How far a run had come when it last said so."""
    return f"after step {status.step} of {status.steps}" if status.step else "before its first validation"


def _ended(state: str, reason: str, last: TrainingStatus, advice: str) -> TrainingStatus:
    return replace(last, state=state, reason=reason, verdict="failed", reasons=(reason,), next=(advice,))
