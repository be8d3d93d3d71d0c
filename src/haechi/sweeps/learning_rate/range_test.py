"""The range test: a rate that rises from step to step, and the loss at each rate."""

from pathlib import Path
from typing import Any

from transformers import TrainerCallback, TrainerControl, TrainerState, TrainingArguments


class LrRangeTest(TrainerCallback):
    """Sets the rate of every step, whatever the scheduler says, and notes the loss."""

    def __init__(self, low: float, high: float) -> None:
        self._low, self._high = low, high
        self._since = 0
        self.rates: list[float] = []
        self.losses: list[float] = []

    def on_step_begin(self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **kwargs: Any) -> None:
        """The rate of this step."""
        for group in kwargs["optimizer"].param_groups:
            group["lr"] = self._rate(state.global_step, state.max_steps)

    def on_log(self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **kwargs: Any) -> None:
        """The mean loss since the last time, at the rate in the middle."""
        if "loss" in (logs := kwargs.get("logs") or {}):
            self.rates.append(self._rate((self._since + state.global_step - 1) / 2, state.max_steps))
            self.losses.append(float(logs["loss"]))
            self._since = state.global_step

    def _rate(self, step: float, steps: int) -> float:
        return float(self._low * (self._high / self._low) ** (step / max(1, steps - 1)))

    def save(self, folder: Path) -> None:
        """Nothing: the test is never resumed."""

    def load(self, folder: Path) -> None:
        """Nothing."""
