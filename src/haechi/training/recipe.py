"""Everything that decides how a model is trained, in one place."""

import sys
from dataclasses import asdict, dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any

from haechi.guards.params import GuardsParams
from haechi.models.load import device
from haechi.runtime.files import sha256_file
from haechi.training.lora_params import LoraParams
from haechi.training.loss_params import LossParams
from haechi.training.params import TrainParams


@dataclass(frozen=True)
class Recipe:
    """The four sections of parameters."""

    params: TrainParams
    loss: LossParams
    lora: LoraParams
    guards: GuardsParams

    def asdict(self) -> dict[str, Any]:
        """As they stand in training_config.json."""
        return asdict(self)

    def sections(self) -> dict[str, dict[str, Any]]:
        """By the names that they have in params.yaml."""
        return {"train": asdict(self.params), "loss": asdict(self.loss), "lora": asdict(self.lora)}


LIBRARIES = ("accelerate", "numpy", "peft", "sentence-transformers", "tokenizers", "torch", "transformers")


def running() -> dict[str, str]:
    """Module -> sha256 of every module of ours that is loaded; library -> version."""
    ours = {name: module.__file__ for name, module in sorted(sys.modules.items()) if name.partition(".")[0] == "haechi"}
    modules = {name: sha256_file(Path(file)) for name, file in ours.items() if file}
    return modules | {name: version(name) for name in LIBRARIES} | {"device": device()}
