"""reports/stages/train.json from the first moment on: what state a run is in, so that a run that ended badly says so too.

While it runs, and when it fails, nothing of it is an output of DVC yet; DVC removes the file before the stage starts again. Only
`finished` and `stopped` are ever tracked, and those depend on inputs and parameters alone. A run that was interrupted (Ctrl-C)
has no verdict: nothing is wrong with it. A run that is killed can't say so: `state_of` calls one that is `running` and holds no
lock on its folder `crashed`.
"""

import os
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from haechi.runtime.errors import HaechiError
from haechi.runtime.files import read_json, write_json
from haechi.runtime.locks import holder_of, lock_of

EXPERIMENT = "DVC_EXP_NAME"
"""DVC tells a stage the name of its experiment in this variable."""
Report = Callable[[Mapping[str, Any]], None]


@contextmanager
def reporting(file: Path, again: Callable[[], str] = lambda: "begins at step 0") -> Iterator[Report]:
    """Write `running` now and whenever the run reports; if it ends with an error, write what became of it.

    `again` says how the same run would begin if it were started now.
    """
    experiment = os.environ.get(EXPERIMENT)
    last: dict[str, Any] = {"experiment": experiment} if experiment else {}

    def report(facts: Mapping[str, Any]) -> None:
        last.update(facts)
        write_json(file, {"state": "running", "reason": "", **last})

    report({})
    try:
        yield report
    except KeyboardInterrupt:
        reason = f"{_where(last)}; the same run again {again()}"
        write_json(file, {**last, "state": "interrupted", "reason": reason, "next": [_same_run(last)]})
        raise
    except HaechiError as error:
        write_json(file, _ended("failed", str(error), last, "haechi doctor"))
        raise
    except BaseException as error:
        reason = f"{type(error).__name__}: {error}".splitlines()[0].rstrip(": ")
        write_json(file, _ended("crashed", reason, last, _same_run(last)))
        raise


def state_of(file: Path, run: Path) -> dict[str, Any]:
    """What the file says, and the truth about a run that no longer runs. `run` is the folder that the run writes."""
    facts: dict[str, Any] = dict(read_json(file))
    if facts.get("state") == "running" and holder_of(lock_of(run)) is None:
        reason = f"its process was killed {_where(facts)}; the same run again goes on from the last state that it saved, if any"
        return _ended("crashed", reason, {key: facts[key] for key in facts.keys() - {"state", "reason"}}, _same_run(facts))
    return facts


def _same_run(facts: Mapping[str, Any]) -> str:
    """The command; an experiment keeps its name."""
    return f"dvc exp run -n {facts['experiment']}" if facts.get("experiment") else "dvc repro"


def _where(facts: Mapping[str, Any]) -> str:
    """How far a run had come when it last said so."""
    return f"after step {facts['step']} of {facts['steps']}" if facts.get("step") else "before its first validation"


def _ended(state: str, reason: str, last: Mapping[str, Any], advice: str) -> dict[str, Any]:
    return {**last, "state": state, "reason": reason, "verdict": "failed", "reasons": [reason], "next": [advice]}
