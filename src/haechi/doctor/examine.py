"""All checks of a project, one after the other, in the order in which a person would mend what they find."""

import sys
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

from haechi.doctor.disk import check_disk
from haechi.doctor.finding import Finding
from haechi.doctor.gpu import check_gpu, gpus
from haechi.doctor.llm import check_llm, models_of
from haechi.doctor.model import check_model
from haechi.doctor.python import check_extras, check_packages, check_python, installed
from haechi.doctor.repo import check_documents, check_dvc, check_git, check_running, check_untracked
from haechi.doctor.shown import check_logs, check_plots
from haechi.doctor.store import check_store
from haechi.models.hub import http_status
from haechi.runtime.check_params import problems
from haechi.runtime.environment import home
from haechi.runtime.errors import HaechiError, ParamsError
from haechi.runtime.files import read_yaml
from haechi.runtime.params import load_section, read
from haechi.static_model.params import ModelParams
from haechi.training.params import TrainParams


def check_parameters(file: Path) -> list[Finding]:
    """A finding for each fault at which a stage would stop; one good one if there is none."""
    try:
        count, said = len(read(file)), problems(file)
    except ParamsError as error:
        return [Finding("parameters", "fail", str(error), "restore it: `git checkout params.yaml`")]
    bad = [Finding("parameters", "fail", sentence, "docs/parameters.md explains every key") for sentence in said]
    return bad or [Finding("parameters", "ok", f"{count} sections, every value of its type and in range")]


def examine(root: Path, environment: Mapping[str, str]) -> Iterator[Finding]:
    """What every check finds; those that need parameters say so where these can't be read."""
    file = root / "params.yaml"
    yield check_python(sys.version_info[:3], root)
    yield check_packages(root)
    yield check_extras(_sections(file))
    yield check_git(root)
    yield check_dvc(root)
    yield check_running(root, home())
    yield check_documents(root)
    yield check_untracked(root)
    yield from check_parameters(file)
    yield check_store(Path(environment.get("HAECHI_STORE") or home() / "rows.sqlite"))
    yield _where(file, "disk", lambda model, train: check_disk(root, model, train, environment))
    yield _where(file, "gpu", lambda model, _: check_gpu(gpus(), model.base, installed("torch"), environment))
    yield _where(file, "base model", lambda model, _: check_model(model.base, root, environment, http_status))
    yield check_llm(_sections(file), environment, models_of)
    yield check_logs(home(), environment)
    yield check_plots(root)


def _where(file: Path, name: str, check: Callable[[ModelParams, TrainParams], Finding]) -> Finding:
    """A check that needs sections `model` and `train`."""
    try:
        return check(load_section(file, "model", ModelParams), load_section(file, "train", TrainParams))
    except ParamsError:
        return Finding(name, "warn", "can't tell without parameters", "see parameters above")


def _sections(file: Path) -> Mapping[str, Any]:
    try:
        return read_yaml(file)
    except HaechiError:
        return {}
