"""The file of a sweep: what is searched, how, and for how long; read and checked before any work."""

import itertools
import math
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any, Literal, get_args

import msgspec
from ruamel.yaml import YAML

from haechi.runtime.errors import HaechiError, ParamsError, UsageError
from haechi.runtime.files import read_yaml
from haechi.runtime.params import load_section
from haechi.runtime.renamed import renamed
from haechi.runtime.sections import section_class
from haechi.selection.params import Metric
from haechi.sweeps.engine.time_window import Window
from haechi.sweeps.engine.trial import SEED, Value

AFTER_SELECT = ("evaluate",)
"""Sections that only stages after select read: a trial never comes there."""
FROZEN = ("testset",)


@dataclass(frozen=True)
class Axis:
    """One parameter: a range (`low`, `high`, `log`, `step`, `whole`) or a list of `choices`."""

    low: float | None = None
    high: float | None = None
    log: bool = False
    step: float | None = None
    whole: bool = False
    """Only whole numbers."""
    choices: tuple[Value, ...] = ()
    when: dict[str, tuple[Value, ...]] = field(default_factory=dict)
    """Searched only where these parameters have one of these values."""


@dataclass(frozen=True)
class Prune:
    """When a trial that lags behind others is given up, going by its validations during training."""

    method: Literal["none", "halving", "hyperband"] = "none"
    after: int = 1
    """Validations that every trial may make."""
    factor: int = 3
    """One in so many goes on."""


@dataclass(frozen=True)
class Confirm:
    """At the end the best trials run again with other seeds."""

    top: int = 3
    seeds: int = 3
    """Runs of each, the first one counted."""


@dataclass(frozen=True)
class Sweep:
    """A sweep as its file has it."""

    name: str
    parameters: dict[str, Axis]
    method: Literal["bayes", "random", "grid"] = "bayes"
    metric: Metric = "ndcg@10"
    """Validation metric of the checkpoint that select chooses."""
    goal: Literal["maximize", "minimize"] = "maximize"
    trials: int = 30
    """Of a grid: at most so many; 0 takes all of it."""
    seed: int = 7
    """Of the sampler."""
    fixed: dict[str, Any] = field(default_factory=dict)
    prune: Prune = Prune()
    confirm: Confirm = Confirm()
    storage: str = ""
    """Empty: a journal file in .haechi/sweeps; else a file or a database URL (its password may stand in HAECHI_SWEEP_STORAGE)."""
    time_window: str = "0-24"
    timezone: str = "Asia/Seoul"
    heartbeat: float = 120.0
    """Seconds without a sign of life after which an agent on another machine counts as dead."""


def read_sweep(file: Path, params: Path) -> Sweep:
    """The file, checked against params.yaml."""
    return check(_typed(file, _yaml(file)), file, params)


def check(sweep: Sweep, file: Path, params: Path) -> Sweep:
    """Refuse what can't be run, in one sentence, before any trial."""
    if not sweep.name.replace("-", "").replace("_", "").isalnum() or not sweep.name.isascii():
        raise UsageError(f"{file}: name {sweep.name!r} becomes part of the names of experiments; letters, digits, - and _ only")
    if not sweep.parameters:
        raise UsageError(f"{file}: parameters is empty; there is nothing to search")
    for name, axis in sweep.parameters.items():
        _check_axis(f"{file}: {name}", axis, grid=sweep.method == "grid")
        for other in axis.when:
            if other not in sweep.parameters and other not in sweep.fixed:
                raise UsageError(
                    f"{file}: {name} is searched when {other} has some value, but {other} is neither searched nor fixed"
                )
    if doubled := sorted(sweep.parameters.keys() & sweep.fixed.keys()):
        raise UsageError(f"{file}: {doubled[0]} is both searched and fixed")
    if SEED in sweep.parameters:
        raise UsageError(
            f"{file}: {SEED} is no parameter to search: the luckiest seed says nothing; `confirm` repeats the best trials"
        )
    if sweep.trials < (0 if sweep.method == "grid" else 1):
        raise UsageError(f"{file}: trials {sweep.trials}: expected 1 or more")
    if (
        sweep.confirm.top < 0
        or sweep.confirm.seeds < 1
        or sweep.prune.after < 1
        or sweep.prune.factor < 2
        or sweep.heartbeat <= 0
    ):
        raise UsageError(f"{file}: confirm.top, confirm.seeds (1), prune.after (1), prune.factor (2) or heartbeat is too small")
    Window.read(sweep.time_window, sweep.timezone)
    order(sweep)
    _check_values(sweep, file, params)
    return sweep


def order(sweep: Sweep) -> list[str]:
    """The parameters, each after those that its `when` names."""
    done: list[str] = []
    left = list(sweep.parameters)
    while left:
        ready = [n for n in left if all(other in done or other not in sweep.parameters for other in sweep.parameters[n].when)]
        if not ready:
            raise UsageError(f"sweep {sweep.name}: {', '.join(left)} wait for each other in `when`")
        done += ready
        left = [name for name in left if name not in ready]
    return done


def points(axis: Axis) -> list[Value]:
    """The values of an axis in a grid."""
    if axis.choices:
        return list(axis.choices)
    low, high, step = float(axis.low or 0), float(axis.high or 0), axis.step or 1.0
    count = math.floor((high - low) / step + 1e-9) + 1
    values = [round(low + i * step, 12) for i in range(count)]
    return [int(value) for value in values] if axis.whole else list(values)


def grid(sweep: Sweep) -> list[dict[str, Value]]:
    """All combinations, in the order of the file; a parameter whose `when` doesn't hold is left out."""
    names = order(sweep)
    distinct: dict[tuple[tuple[str, Value], ...], dict[str, Value]] = {}
    for values in itertools.product(*(points(sweep.parameters[name]) for name in names)):
        point: dict[str, Value] = {}
        for name, value in zip(names, values, strict=True):
            if holds(sweep.parameters[name], point, sweep.fixed):
                point[name] = value
        distinct.setdefault(tuple(point.items()), point)
    return list(distinct.values())


def holds(axis: Axis, chosen: Mapping[str, Value], fixed: Mapping[str, Any]) -> bool:
    """Whether a parameter is searched, given those before it."""
    return all({**fixed, **chosen}.get(other) in allowed for other, allowed in axis.when.items())


def _check_axis(place: str, axis: Axis, *, grid: bool) -> None:
    ranged = axis.low is not None or axis.high is not None
    if ranged == bool(axis.choices):
        raise UsageError(f"{place}: give either low and high, or choices")
    if axis.choices:
        if len(set(map(str, axis.choices))) < len(axis.choices):
            raise UsageError(f"{place}: a choice stands there twice")
        return
    if axis.low is None or axis.high is None:
        raise UsageError(f"{place}: a range needs both low and high")
    if axis.low > axis.high:
        raise UsageError(f"{place}: low {axis.low:g} is above high {axis.high:g}")
    if axis.low == axis.high:
        raise UsageError(f"{place}: the range {axis.low:g}..{axis.high:g} is empty; put a single value under `fixed`")
    if axis.log and axis.low <= 0:
        raise UsageError(f"{place}: a range by logarithm has to begin above 0, found {axis.low:g}")
    if axis.log and axis.step and not axis.whole:
        raise UsageError(f"{place}: log and step can't go together")
    if axis.step is not None and axis.step <= 0:
        raise UsageError(f"{place}: step {axis.step:g}: expected a number above 0")
    if axis.whole and (axis.low % 1 or axis.high % 1):
        raise UsageError(f"{place}: whole numbers from {axis.low:g} to {axis.high:g}: the ends are not whole")
    if grid and not axis.step and not axis.whole:
        raise UsageError(f"{place}: a grid needs choices, or a range with a step")


def _check_values(sweep: Sweep, file: Path, params: Path) -> None:
    """Every name is known, and the ends of every range are values that the stages would take."""
    ends = {name: ends_of(axis) for name, axis in sweep.parameters.items()} | {
        name: [value] for name, value in sweep.fixed.items()
    }
    sections = _yaml(params)
    for name, values in ends.items():
        section, _, key = name.partition(".")
        if section not in sections or key.partition(".")[0] not in (sections[section] or {}):
            raise UsageError(f"{file}: {renamed(name) or f'{name} is no parameter of {params}; docs/parameters.md lists them'}")
        if section in AFTER_SELECT:
            raise UsageError(f"{file}: {name}: a trial ends at select, so parameters of {section} change nothing in it")
        if section in FROZEN:
            raise UsageError(f"{file}: {name}: the test set is frozen; trials are compared on one")
        for value in values:
            _check_value(file, params, sections, section, key, value)


def _check_value(file: Path, params: Path, sections: dict[str, Any], section: str, key: str, value: Any) -> None:
    if "." in key:
        return  # a part of a mapping, such as train.weights.question, is checked by the stage
    with tempfile.TemporaryDirectory() as folder:
        tried = Path(folder) / params.name
        YAML().dump({section: {**sections[section], key: value}}, tried)
        try:
            load_section(tried, section, section_class(section))
        except ParamsError as error:
            raise UsageError(f"{file}: {str(error).partition(': ')[2]}") from error


def ends_of(axis: Axis) -> list[Value]:
    """The values between which an axis lies."""
    if axis.choices:
        return list(axis.choices)
    assert axis.low is not None  # noqa: S101  (checked before)
    assert axis.high is not None  # noqa: S101
    return [int(axis.low), int(axis.high)] if axis.whole else [float(axis.low), float(axis.high)]


def _typed(file: Path, value: Mapping[str, Any]) -> Sweep:
    names = [f.name for f in fields(Sweep)]
    if strangers := [key for key in value if key not in names]:
        raise UsageError(f"{file}: {strangers[0]} is unknown; a sweep has {', '.join(names)}")
    for name, axis in (value.get("parameters") or {}).items():
        if isinstance(axis, dict) and (odd := [key for key in axis if key not in {f.name for f in fields(Axis)}]):
            raise UsageError(f"{file}: {name}.{odd[0]} is unknown; a parameter has {', '.join(f.name for f in fields(Axis))}")
    try:
        return msgspec.convert(value, Sweep)
    except msgspec.ValidationError as error:
        problem, _, place = str(error).partition(" - at `$.")
        hint = f" (metrics: {', '.join(get_args(Metric))})" if place.startswith("metric") else ""
        raise UsageError(f"{file}: {place.rstrip('`') or 'the file'}: {problem[0].lower()}{problem[1:]}{hint}") from error


def _yaml(file: Path) -> dict[str, Any]:
    try:
        return read_yaml(file)
    except HaechiError as error:
        raise UsageError(str(error)) from error
