"""How BM25 and the tuned model are weighed: as evaluate chose on validation, if it chose for this model."""

from dataclasses import dataclass
from pathlib import Path

from haechi.runtime.errors import HaechiError
from haechi.scoring.evaluation import read_evaluation

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
    evaluation = read_evaluation(details)
    if not evaluation.encoder or "threshold" not in evaluation.gating:
        raise HaechiError(f"{details}: names no encoder, hybrid_weight and gating.threshold; make it with `dvc repro`")
    if evaluation.encoder != model:
        return _unchosen(f"{details} was made with model {evaluation.encoder}, and this is {model}")
    return Fusion(evaluation.hybrid_weight, float(evaluation.gating["threshold"]))


def _unchosen(reason: str) -> Fusion:
    return Fusion(EVEN, -1.0, f"{reason}; the hybrid weighs BM25 and the model equally (`dvc repro evaluate` chooses the weight)")
