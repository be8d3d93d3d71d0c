"""The GPU, asked of its driver: torch would take seconds to import."""

import shutil
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass

from haechi.doctor.finding import Finding, some
from haechi.models.registry import STATIC

TIMEOUT = 5.0


@dataclass(frozen=True)
class Gpu:
    """A device as its driver describes it."""

    name: str
    total: int
    """Megabytes."""
    free: int


def gpus() -> list[Gpu]:
    """What nvidia-smi lists; nothing where it is missing or doesn't answer."""
    program = shutil.which("nvidia-smi")
    if program is None:
        return []
    query = [program, "--query-gpu=name,memory.total,memory.free", "--format=csv,noheader,nounits"]
    try:
        done = subprocess.run(query, capture_output=True, text=True, timeout=TIMEOUT, check=False)
    except (OSError, subprocess.TimeoutExpired):
        return []
    return [] if done.returncode else parse(done.stdout)


def parse(listing: str) -> list[Gpu]:
    """The lines `name, total, free`; one that holds anything else is passed over."""
    rows = [[cell.strip() for cell in line.rsplit(",", 2)] for line in listing.splitlines()]
    return [Gpu(row[0], int(row[1]), int(row[2])) for row in rows if len(row) == 3 and row[1].isdigit() and row[2].isdigit()]


def check_gpu(found: list[Gpu], base: str, torch: str | None, environment: Mapping[str, str]) -> Finding:
    """What there is against what is asked for."""
    wanted = environment.get("HAECHI_DEVICE", "")
    names = some([f"{gpu.name} ({gpu.free / 1e3:.0f} of {gpu.total / 1e3:.0f} GB free)" for gpu in found])
    if wanted.startswith("cuda") and not found:
        return Finding(
            "gpu", "fail", f"HAECHI_DEVICE is {wanted}, but there is no GPU", "unset HAECHI_DEVICE, or mend the driver"
        )
    if wanted == "cpu":
        return Finding("gpu", "ok", f"not used (HAECHI_DEVICE is cpu){': ' + names if names else ''}")
    if not found:
        if base == STATIC:
            return Finding("gpu", "ok", "none; the static base needs none")
        return Finding(
            "gpu", "warn", f"none; tuning {base} on processors takes long", "use a machine with a GPU, or a smaller model"
        )
    if torch and "+cpu" in torch:
        return Finding("gpu", "warn", f"{names}; but torch {torch} can't use it", "install the CUDA build of torch")
    if len(found) > 1 and not environment.get("CUDA_VISIBLE_DEVICES") and not environment.get("WORLD_SIZE"):
        return Finding(
            "gpu", "warn", f"{names}; the trainer would take all of them", "choose one: CUDA_VISIBLE_DEVICES=0 dvc repro"
        )
    return Finding("gpu", "ok", names)
