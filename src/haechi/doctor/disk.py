"""Is there room for what the configured run will write?"""

import shutil
from collections.abc import Callable, Mapping
from pathlib import Path

from haechi.doctor.finding import Finding
from haechi.doctor.model import size_of_weights
from haechi.models.registry import EMBEDDED
from haechi.params.model import ModelParams
from haechi.params.train import TrainParams

DATA = 5
"""Bytes of passages, pairs, questions and training examples, in the workspace and in DVC's cache, of a byte of raw documents."""
UNKNOWN = 2_300_000_000
"""Weights of a model that is not on this machine: those of BGE-M3, the largest in the registry."""


def check_disk(
    root: Path,
    model: ModelParams,
    train: TrainParams,
    environment: Mapping[str, str],
    free: Callable[[Path], int] = lambda path: shutil.disk_usage(path).free,
) -> Finding:
    """Room against need: too little fails, less than twice the need warns."""
    need, weights = estimate(root, model, train, environment)
    said = f"{gigabytes(free(root))} free; a whole run writes about {gigabytes(need)} (weights of {gigabytes(weights)})"
    remedy = "make room (`dvc gc -w` drops what old versions left in the cache), or set a smaller train.keep"
    if free(root) < need:
        return Finding("disk", "fail", said, remedy)
    return Finding("disk", "warn", said, remedy) if free(root) < 2 * need else Finding("disk", "ok", said)


def estimate(root: Path, model: ModelParams, train: TrainParams, environment: Mapping[str, str]) -> tuple[int, int]:
    """Bytes that a run writes, and those of one set of weights.

    Checkpoints and the chosen model lie in the workspace and in DVC's cache, as does an embedded base with its features
    (another one is only pointed to); one more checkpoint is written before the worst is dropped, and resume state holds
    weights and both moments of the optimizer.
    """
    raw = sum(file.stat().st_size for file in (root / "data" / "raw").rglob("*") if file.is_file())
    if model.base == EMBEDDED:
        weights, copies = model.vocab_size * model.dim * 4, train.keep + 3
    else:
        weights, copies = size_of_weights(model.base, root, environment) or UNKNOWN, train.keep + 1
    return weights * (2 * copies + 1 + 3) + raw * DATA, weights


def gigabytes(size: int) -> str:
    """A size as people say it."""
    return f"{size / 1e9:,.1f} GB" if size >= 1e9 else f"{size / 1e6:,.0f} MB"
