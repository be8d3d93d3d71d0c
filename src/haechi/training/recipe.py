"""Everything that decides how a model is trained, in one place."""

from dataclasses import asdict, dataclass
from typing import Any

from haechi.params.guards import GuardsParams
from haechi.params.lora import LoraParams
from haechi.params.loss import LossParams
from haechi.params.train import TrainParams


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
