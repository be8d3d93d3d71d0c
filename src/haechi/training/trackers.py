"""Where else a history is shown while it grows: DVCLive, Weights & Biases, TensorBoard; extras that HAECHI_LOG names.

They get what stands in the history and nothing more, under `.haechi/logs/train/<when the run began>/`. None of it is part of a
result: it is asked for by an environment variable, and a tracker that fails is left out from then on while the work goes on.
What a tracker says when it fails is not shown, since it may name its key.
"""

import importlib.util
import os
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Protocol

from haechi.guards.history import HistoryRow
from haechi.runtime.environment import home
from haechi.runtime.errors import HaechiError, UsageError
from haechi.runtime.progress import say

LOG = "HAECHI_LOG"
PROJECT = "haechi"


class Tracker(Protocol):
    """One place that shows a history."""

    def report(self, step: int, figures: Mapping[str, float]) -> None:
        """Some more figures of a step; steps never go back."""

    def finish(self, ok: bool) -> None:
        """The work has ended, well or not."""


class DvcLive:
    """A folder of tables, as the VS Code extension and `dvc plots` read them; it makes no experiment and no dvc.yaml."""

    def __init__(self, folder: Path, config: Mapping[str, Any]) -> None:
        from dvclive.live import Live

        self._live: Any = Live(dir=str(folder / "dvclive"), save_dvc_exp=False, dvcyaml=False, report=None, monitor_system=False)
        self._live.log_params(_plain(config))

    def report(self, step: int, figures: Mapping[str, float]) -> None:
        """A line in the table of each figure."""
        self._live.step = step
        for name, value in figures.items():
            self._live.log_metric(name, value)
        self._live.sync()

    def finish(self, ok: bool) -> None:
        """The last figures as metrics.json."""
        self._live.end()


class Wandb:
    """A run of Weights & Biases: files to be sent later with `wandb sync`, unless WANDB_MODE says otherwise."""

    def __init__(self, folder: Path, config: Mapping[str, Any]) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self._run = wandb_run(os.environ.get("WANDB_PROJECT") or PROJECT, folder, config)

    def report(self, step: int, figures: Mapping[str, float]) -> None:
        """Figures of one step become one row."""
        self._run.log(dict(figures), step=step)

    def finish(self, ok: bool) -> None:
        """Write what is left."""
        self._run.finish(exit_code=0 if ok else 1)


class TensorBoard:
    """A file of events."""

    def __init__(self, folder: Path, config: Mapping[str, Any]) -> None:
        from torch.utils.tensorboard import SummaryWriter

        self._writer: Any = SummaryWriter(str(folder / "tensorboard"))
        self._writer.add_text("parameters", "\n".join(f"    {name}: {value}" for name, value in config.items()))

    def report(self, step: int, figures: Mapping[str, float]) -> None:
        """A point on the curve of each figure."""
        for name, value in figures.items():
            self._writer.add_scalar(name, value, step)
        self._writer.flush()

    def finish(self, ok: bool) -> None:
        """Close the file."""
        self._writer.close()


KINDS: Mapping[str, Callable[[Path, Mapping[str, Any]], Tracker]] = {
    "dvclive": DvcLive,
    "wandb": Wandb,
    "tensorboard": TensorBoard,
}
"""Name, which is also that of the package and of the extra -> how it is opened in a folder, with the parameters of the run."""


def wandb_run(project: str, folder: Path, config: Mapping[str, Any], **more: Any) -> Any:
    """A run of Weights & Biases the way this project starts them: offline, silent, with nothing of the machine or of git."""
    import wandb

    settings = wandb.Settings(silent=True, disable_git=True, disable_code=True, console="off", x_disable_stats=True)
    mode: Any = os.environ.get("WANDB_MODE", "offline")  # wandb checks the word itself
    return wandb.init(project=project, dir=str(folder), mode=mode, config=dict(config), settings=settings, **more)


def require(package: str, asked_by: str) -> None:
    """Refuse in one sentence what an extra would bring."""
    spec = importlib.util.find_spec(package)
    if spec is None or spec.origin is None:  # a mere folder of that name is no package
        raise HaechiError(f"{asked_by} needs the extra: pip install -e '.[{package}]' -c constraints.txt")


def trackers_named(environ: Mapping[str, str] = os.environ) -> tuple[str, ...]:
    """The trackers that HAECHI_LOG names, each once; a name that nobody knows or a missing extra is one sentence."""
    names = tuple(dict.fromkeys(name.strip() for name in environ.get(LOG, "").split(",") if name.strip()))
    for name in names:
        if name not in KINDS:
            raise UsageError(f"{LOG} names {name!r}; it takes {', '.join(KINDS)}, with commas between them")
        require(name, f"{LOG}={name}")
    return names


class Tracked:
    """All trackers of a run; to be told the rows of its history."""

    def __init__(self, trackers: Mapping[str, Tracker]) -> None:
        self._trackers = dict(trackers)
        self._followed = 0

    def follow(self, history: Sequence[HistoryRow]) -> None:
        """Report what has been added to the history; what a resumed run begins with counts as added."""
        for row in history[self._followed :] if self._trackers else ():
            if shown := figures(row):
                self._each("report", row.step, shown)
        self._followed = len(history)

    def finish(self, ok: bool) -> None:
        """Nothing more will come."""
        self._each("finish", ok)
        self._trackers.clear()

    def _each(self, method: str, *arguments: Any) -> None:
        for name, tracker in list(self._trackers.items()):
            try:
                getattr(tracker, method)(*arguments)
            except Exception as error:
                say(f"{name}: failed ({type(error).__name__}), and is told nothing more; the work goes on")
                del self._trackers[name]


@contextmanager
def tracking(names: Sequence[str], config: Mapping[str, Any]) -> Iterator[Tracked]:
    """Trackers in a new folder, told the end of the block; one that can't be opened is left out."""
    opened: dict[str, Tracker] = {}
    folder = home() / "logs" / "train" / f"{time.strftime('%Y%m%d-%H%M%S')}-{os.getpid()}"
    for name in names:
        try:
            opened[name] = KINDS[name](folder, config)
        except Exception as error:
            say(f"{name}: can't be opened ({type(error).__name__}); the work goes on without it")
    if opened:
        say(f"{', '.join(opened)}: in {folder}")
    tracked, ok = Tracked(opened), False
    try:
        yield tracked
        ok = True
    finally:
        tracked.finish(ok)


def figures(row: HistoryRow) -> dict[str, float]:
    """A row of the history as numbers: what a guard did, and a skipped step, become a 1 under their name."""
    if row.event:
        return {f"event_{row.event}": 1.0}
    if row.skipped:
        return {f"skipped_{row.skipped}": 1.0}
    return {name: float(value) for name, value in row.figures.items() if value is not None}


def _plain(value: Any) -> Any:
    """Tuples as lists, which YAML has."""
    if isinstance(value, Mapping):
        return {str(key): _plain(inner) for key, inner in value.items()}
    return [_plain(inner) for inner in value] if isinstance(value, list | tuple) else value
