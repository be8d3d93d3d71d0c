"""What mixes the searches here: the mixture that evaluate fitted, if it was fitted for this model, and what of it can be used."""

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from haechi.fusion.mixture import EVEN, Mixture, read_mixture
from haechi.models.released import WEIGHTS, read_released
from haechi.runtime.errors import HaechiError
from haechi.scoring.evaluation import read_evaluation
from haechi.scoring.names import TUNED, label


@dataclass(frozen=True)
class Fusion:
    """The mixture, and the score of the tuned model below which its best answer is doubtful."""

    mixture: Mixture
    threshold: float
    note: str = ""
    """Why these are not the fitted ones, or what is missing of them; empty where all is as it was fitted."""


def read_fusion(file: Path, details: Path, model: str) -> Fusion:
    """The mixture and the evaluation of this very model; halves and no threshold where they speak of another."""
    for path in (file, details):
        if not path.is_file():
            return _unfitted(f"{path}: no such file")
    mixture, evaluation = read_mixture(file), read_evaluation(details)
    if TUNED not in mixture.made_of:
        raise HaechiError(f"{file}: names no encoder that it was fitted with; make it with `dvc repro evaluate`")
    if not evaluation.encoder or "threshold" not in evaluation.gating:
        raise HaechiError(f"{details}: names no encoder and gating.threshold; make it with `dvc repro evaluate`")
    for path, encoder in ((file, mixture.made_of[TUNED]), (details, evaluation.encoder)):
        if encoder != model:
            return _unfitted(f"{path} was made with model {encoder}, and this is {model}")
    return Fusion(mixture, float(evaluation.gating["threshold"]))


def fusion_of(folder: Path, file: Path, details: Path, model: str) -> Fusion:
    """What a release brings along; of any other model, what its evaluation has left."""
    if not (released := read_released(folder)):
        return read_fusion(file, details, model)
    mixture = read_mixture(folder / WEIGHTS)
    if (made := mixture.made_of.get(TUNED, "no model")) != model:
        return _unfitted(f"{folder / WEIGHTS} was made with model {made}, and this is {model}")
    return Fusion(mixture, released.threshold)


def without(missing: Iterable[str], used: Iterable[str]) -> str:
    """What a search says that does without some signals."""
    return f"the hybrid searches without {'; '.join(missing)}; it uses {', '.join(label(system) for system in used)}"


def _unfitted(reason: str) -> Fusion:
    return Fusion(EVEN, -1.0, f"{reason}; the hybrid weighs BM25 and the model equally (`dvc repro evaluate` fits its weights)")
