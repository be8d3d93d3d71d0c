"""How BM25 and the tuned model are weighed: as evaluate chose on validation, if it chose for this model."""

from dataclasses import dataclass
from pathlib import Path

from haechi.runtime.errors import HaechiError
from haechi.runtime.files import read_json

EVEN = 0.5


@dataclass(frozen=True)
class Fusion:
    """The share of the tuned model in the hybrid, and the score below which its best answer is doubtful."""

    weight: float
    threshold: float
    note: str = ""
    """Why these are not the chosen ones, where they aren't."""


def read_fusion(details: Path, model: str) -> Fusion:
    """What the evaluation says of this very model; halves and no threshold where it speaks of another."""
    if not details.is_file():
        return _unchosen(f"{details}: no such file")
    found = read_json(details)
    try:
        scored, weight, threshold = str(found["encoder"]), float(found["hybrid_weight"]), float(found["gating"]["threshold"])
    except (KeyError, TypeError, ValueError) as error:
        raise HaechiError(f"{details}: names no encoder, hybrid_weight and gating.threshold; make it with `dvc repro`") from error
    if scored != model:
        return _unchosen(f"{details} was made with model {scored}, and this is {model}")
    return Fusion(weight, threshold)


def _unchosen(reason: str) -> Fusion:
    return Fusion(EVEN, -1.0, f"{reason}; the hybrid weighs BM25 and the model equally (`dvc repro evaluate` chooses the weight)")
