"""Is there room for what the configured run will write?"""

import shutil
from collections.abc import Callable, Mapping
from pathlib import Path

from haechi.doctor.finding import Finding
from haechi.doctor.model import size_of_weights
from haechi.models.registry import STATIC
from haechi.runtime.files import size_told
from haechi.static_model.params import ModelParams
from haechi.training.params import TrainParams

DATA = 50
"""Bytes of passages, pairs, questions, mined examples and runs, in the workspace, DVC's cache and the row store, of a byte of
raw documents; measured on the bundled sample."""
RAW_PER_PIECE = 140
"""Bytes of raw documents for each piece of the static vocabulary, up to `model.vocab_size`; the bundled sample needs 148."""
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
    said = f"{size_told(free(root))} free; a whole run writes about {size_told(need)} (weights of {size_told(weights)})"
    remedy = "make room (`dvc gc -w` drops what old versions left in the cache), or set a smaller train.keep"
    if free(root) < need:
        return Finding("disk", "fail", said, remedy)
    return Finding("disk", "warn", said, remedy) if free(root) < 2 * need else Finding("disk", "ok", said)


def estimate(root: Path, model: ModelParams, train: TrainParams, environment: Mapping[str, str]) -> tuple[int, int]:
    """Bytes that a run writes, and those of one set of weights.

    Checkpoints and the chosen model lie in the workspace and in DVC's cache, as does a static base with its features
    (another one is only pointed to). While training runs, two states to resume from hold weights, both moments of the
    optimizer and the best weights so far.
    """
    raw = sum(file.stat().st_size for file in (root / "data" / "raw").rglob("*") if file.is_file())
    if model.base == STATIC:
        weights, base = min(model.vocab_size, raw // RAW_PER_PIECE) * model.dim * 4, 1.75
    else:
        weights, base = size_of_weights(model.base, root, environment) or UNKNOWN, 0.0
    return round(weights * (2 * (base + _checkpoints(train) + 1) + 2 * 4)) + raw * DATA, weights


def _checkpoints(train: TrainParams) -> int:
    """The best, the last, those that stay for another reason, and the average."""
    safe = len(train.pin) + (train.evaluations // train.keep_every if train.keep_every else 0)
    return min(train.evaluations + len(train.pin), train.keep + 1 + safe) + bool(train.ema_decay)
