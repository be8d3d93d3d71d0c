"""From a name or a file to a study, its storage and its method, and the check that trials stay comparable."""

import os
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec

from haechi.runtime.environment import home
from haechi.runtime.errors import HaechiError, UsageError
from haechi.runtime.files import read_yaml
from haechi.sweeps.engine.config import Sweep, holds, order
from haechi.sweeps.engine.methods import CURRENT, Grid, Sampled
from haechi.sweeps.engine.owners import myself
from haechi.sweeps.engine.results_log import ResultsLog
from haechi.sweeps.engine.storage import Storage
from haechi.sweeps.engine.study import Method, Study, open_study
from haechi.sweeps.engine.trial import SEED, Proposal
from haechi.sweeps.experiments import fingerprint

if TYPE_CHECKING:
    import optuna

STORAGE = "HAECHI_SWEEP_STORAGE"
JOURNAL, SWEEP, BASE = "journal.log", "sweep", "base"


@dataclass(frozen=True)
class Opened:
    """A study that agents may work on."""

    study: Study
    sweep: Sweep
    base: Mapping[str, str]

    def unchanged(self, root: Path) -> Callable[[], None]:
        """Refuses to go on where trials could no longer be compared."""

        def check() -> None:
            now = base_of(root, self.sweep)
            named = {"params": "params.yaml", "code": "the library or dvc.yaml", "data": "data that no stage makes"}
            for part, what in named.items():
                if now[part] != self.base[part]:
                    raise HaechiError(
                        f"{what} changed since sweep {self.sweep.name} began, so further trials could not be compared with its "
                        f"{len(self.study.trials())}; those are kept: restore it, or begin another sweep under a new name"
                    )

        return check


def folder_of(name: str) -> Path:
    """Where this checkout keeps what belongs to a sweep."""
    return home() / "sweeps" / name


def begin(root: Path, sweep: Sweep) -> Opened:
    """The study of a sweep, made if there is none; refused where there is another one of that name."""
    base = base_of(root, sweep)
    storage = Storage(_place(sweep))
    settings = asdict(replace(sweep, storage=""))  # a URL may hold a password
    facts = {SWEEP: msgspec.to_builtins(settings), BASE: base}
    optuna_study = open_study(storage, sweep.name, goal=sweep.goal, pruner=_pruner(root, sweep), facts=facts)
    there = msgspec.convert(optuna_study.user_attrs[SWEEP], Sweep)
    may_differ = ("trials", "confirm", "time_window", "timezone", "heartbeat")  # more trials, other hours: the same search
    if there != replace(sweep, storage="", **{name: getattr(there, name) for name in may_differ}):
        raise UsageError(f"sweep {sweep.name} exists with another space or method; give this one another name")
    if there != replace(sweep, storage=""):
        optuna_study.set_user_attr(SWEEP, facts[SWEEP])
    return _opened(root, sweep, storage, optuna_study)


def existing(root: Path, name: str, place: str = "") -> Opened:
    """A study by its name, and its storage if that is not the usual one; the last one begun here where no name is given."""
    name = name or _last()
    address = place or os.environ.get(STORAGE, "")
    if not address and not (folder_of(name) / JOURNAL).is_file():
        names = ", ".join(sorted(file.parent.name for file in (home() / "sweeps").glob(f"*/{JOURNAL}"))) or "none"
        raise UsageError(f"there is no sweep {name!r} here (there are: {names}); one in a database wants --storage or {STORAGE}")
    storage = Storage(address or str(folder_of(name) / JOURNAL))
    study = open_study(storage, name, create=False)
    if SWEEP not in study.user_attrs:
        raise UsageError(f"study {name!r} is none of a sweep")
    sweep = replace(msgspec.convert(study.user_attrs[SWEEP], Sweep), storage=address)
    study.pruner = _pruner(root, sweep)()
    return _opened(root, sweep, storage, study)


def base_of(root: Path, sweep: Sweep) -> dict[str, str]:
    """What all trials of a sweep share."""
    searched = [*sweep.parameters, *sweep.fixed, SEED, "select.metric"]
    return {
        "params": fingerprint.parameters(root / "params.yaml", searched),
        "fixed": fingerprint.digest([sweep.fixed, sweep.metric]),
        "code": fingerprint.code(root),
        "data": fingerprint.sources(root),
    }


def _opened(root: Path, sweep: Sweep, storage: Storage, study: "optuna.Study") -> Opened:
    base = dict(study.user_attrs[BASE])
    current = _current(root, sweep)
    method: Method = Grid(sweep, current) if sweep.method == "grid" else Sampled(sweep, current)
    log = ResultsLog(folder_of(sweep.name) / "ledger.jsonl")
    return Opened(Study(study, storage, method, log, myself(), base, sweep.heartbeat), sweep, base)


def _current(root: Path, sweep: Sweep) -> Proposal:
    """The parameters as they are."""
    sections: dict[str, Any] = read_yaml(root / "params.yaml")
    values = {name: sections[name.partition(".")[0]].get(name.partition(".")[2]) for name in order(sweep)}
    kept = {name: value for name, value in values.items() if holds(sweep.parameters[name], values, sweep.fixed)}
    fixed_as_they_are = all(sections[n.partition(".")[0]].get(n.partition(".")[2]) == v for n, v in sweep.fixed.items())
    seed = sweep.fixed.get(SEED, sections["train"]["seed"])
    return Proposal(kept, int(seed), facts={CURRENT: True} if fixed_as_they_are else {})


def _place(sweep: Sweep) -> str:
    return sweep.storage or os.environ.get(STORAGE, "") or str(folder_of(sweep.name) / JOURNAL)


def _last() -> str:
    files = sorted((home() / "sweeps").glob(f"*/{JOURNAL}"), key=lambda file: file.stat().st_mtime)
    files = [file for file in files if file.parent.name != "lr-sweep"]
    if not files:
        raise UsageError("there is no sweep here; `haechi sweep preset` begins one")
    return files[-1].parent.name


def _pruner(root: Path, sweep: Sweep) -> "Callable[[], optuna.pruners.BasePruner]":
    def made() -> "optuna.pruners.BasePruner":
        import optuna

        prune = sweep.prune
        if prune.method == "halving":
            return optuna.pruners.SuccessiveHalvingPruner(min_resource=prune.after, reduction_factor=prune.factor)
        if prune.method == "hyperband":
            sections = read_yaml(root / "params.yaml")
            most = int(sweep.fixed.get("train.evaluations", sections["train"]["evaluations"]))
            return optuna.pruners.HyperbandPruner(min_resource=prune.after, max_resource=most, reduction_factor=prune.factor)
        return optuna.pruners.NopPruner()

    return made
