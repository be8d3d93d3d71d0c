"""What stands beside a training and only looks on: trackers of the history, and a bar."""

from typing import Any

from transformers import TrainerCallback, TrainerControl, TrainerState, TrainingArguments

from haechi.guards.decide import series
from haechi.runtime.progress import Bar
from haechi.training.checkpointing import METRIC, ValidationCallback
from haechi.training.trackers import Tracked


class TrackerCallback(TrainerCallback):
    """Tells the trackers what the history has got, and the bar how far the training is; to stand behind validation and guard."""

    def __init__(self, validation: ValidationCallback, tracked: Tracked) -> None:
        self._validation, self._tracked = validation, tracked
        self._bar: Bar | None = None

    def on_train_begin(self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **kwargs: Any) -> None:
        """The history may hold the base's validation, or all that a killed run has left."""
        self._tracked.follow(self._validation.history)
        if state.is_world_process_zero:
            self._bar = Bar("train", state.max_steps, state.global_step)

    def on_step_end(self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **kwargs: Any) -> None:
        """One step further, perhaps with a validation."""
        self._tracked.follow(self._validation.history)
        if self._bar:
            self._bar.at(state.global_step, last_of(self._validation))

    def on_log(self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **kwargs: Any) -> None:
        """Perhaps one row more."""
        self._tracked.follow(self._validation.history)

    def close(self) -> None:
        """However the training ended."""
        self._tracked.follow(self._validation.history)
        if self._bar:
            self._bar.close()


def last_of(validation: ValidationCallback) -> str:
    """The last validation, for the end of the bar."""
    scores = series(validation.history, f"valid_{METRIC}")
    return f"{METRIC} {scores[-1][1]:.4f}" if scores else ""
