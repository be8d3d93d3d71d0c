"""A training from its first validation to its verdict: what both engines put around their trainers."""

from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any, Generic, TypeVar

from sentence_transformers.base.model import BaseModel
from torch import nn

from haechi.guards.rules import Rule
from haechi.guards.status import Report, TrainingStatus
from haechi.records.mined import MinedExample
from haechi.runtime.errors import HaechiError
from haechi.runtime.files import write_json
from haechi.runtime.progress import say
from haechi.training.checkpointing import METRIC, ValidationCallback
from haechi.training.guard_callback import GuardCallback
from haechi.training.memory import MemoryLog, MiniBatch
from haechi.training.monitor import Monitor
from haechi.training.outcome import outcome
from haechi.training.recipe import Recipe
from haechi.training.retention import CheckpointStore, Looks
from haechi.training.retry import StepRecord
from haechi.training.tracker_callback import TrackerCallback
from haechi.training.trackers import Tracked
from haechi.training.validation_loss import Validates, ValidationLoss, Validator

M = TypeVar("M", bound=BaseModel)


@dataclass(frozen=True)
class TrainingInputs(Generic[M]):
    """What is tuned, on what, and how."""

    model: M
    examples: Sequence[MinedExample]
    validation: Validates
    recipe: Recipe
    base: str = ""
    """The model's name where the registry may know it, or its folder."""
    held_out: Sequence[MinedExample] = ()
    """Examples for the validation loss."""
    earlier: Sequence[MinedExample] = ()
    """What the model was trained on before and may be shown again."""
    shares: tuple[float, ...] = ()
    """Shares of all steps after which the model is kept, and the last of them ends the run; none: as the recipe says."""


@dataclass(frozen=True)
class Listeners:
    """Who is told how a run gets on."""

    report: Report = lambda step, steps, score=None: None
    """Told at every validation how far the run is."""
    memory_file: Path | None = None
    """Gets the memory statistics."""
    tracked: Tracked = field(default_factory=lambda: Tracked({}))
    """Gets what the history gets."""


@dataclass(frozen=True)
class Subject:
    """What an engine trains, as validation, guards and monitors see it."""

    model: BaseModel
    """Validated."""
    save: Callable[[Path], None]
    """Saves the model as it is, as others know it."""
    learner: nn.Module
    """Holds every weight that is trained."""
    mini_batch: MiniBatch
    valid_loss: ValidationLoss | None
    queries_of: Callable[[Sequence[dict[str, Any]]], list[str]]
    """Names the queries of a step's batches."""
    measured: Callable[[], dict[str, float]] = dict
    """More figures for a row of the history."""


@dataclass(frozen=True)
class Shown:
    """How many examples a run shows."""

    used: int
    rows: int
    with_negatives: int
    never_shown: int = 0
    replayed: int = 0
    """Of those used, how many the model was trained on before."""


class Session:
    """A run that is ready to begin; its parts are the callbacks of a trainer, which writes `record`."""

    def __init__(
        self,
        inputs: TrainingInputs[Any],
        subject: Subject,
        rules: Sequence[Rule],
        steps: int,
        folder: Path,
        scratch: Path,
        listeners: Listeners,
    ) -> None:
        params = inputs.recipe.params
        self.inputs, self.subject, self.steps, self._folder = inputs, subject, steps, folder
        self.record = StepRecord()
        validator = Validator(subject.model, inputs.validation, subject.valid_loss, subject.mini_batch)
        self.looks = looks = Looks.of(steps, params, inputs.shares)
        checkpoints = CheckpointStore(subject.save, folder, params, looks)
        self.validation = ValidationCallback(
            validator, checkpoints, params, looks, subject.learner, subject.measured, listeners.report
        )
        self.guard = GuardCallback(
            subject.learner, self.validation, rules, inputs.recipe.guards, scratch, subject.queries_of, self.record
        )
        self.monitor = Monitor(subject.learner, steps, params.expected_params, self.record)
        self.memory_log = MemoryLog(subject.mini_batch, listeners.memory_file)
        self.trackers = TrackerCallback(self.validation, listeners.tracked)

    def begin(self, rows: str) -> None:
        """Validate the base."""
        self.validation.validate(0)
        say(f"train: {rows}, {self.steps} steps; validation {METRIC} of the base {self.validation.start:.4f}")

    def run(self, train: Callable[[], object]) -> None:
        """Train; however it ends, trackers and memory statistics have all of it."""
        try:
            train()
        finally:
            self.trackers.close()
            self.memory_log.write()
        if not self.validation.checkpoints.kept:
            raise HaechiError(f"train: stopped before the first validation: {self.guard.reason.en or 'no step'}")

    def close(self, shown: Shown, *, static: bool) -> TrainingStatus:
        """Leave history, looks at modules and configuration in the folder; give what stands in reports/stages/train.json."""
        inputs, kept = self.inputs, self.validation.checkpoints.kept
        ended = outcome(self.validation, self.guard, self.monitor, inputs.recipe, self._folder, static=static)
        config = {"rows": shown.rows, "steps": self.steps, "checkpoints": [asdict(checkpoint) for checkpoint in kept]}
        write_json(self._folder / "training_config.json", {**inputs.recipe.asdict(), **config})
        examples = {"mined": len(inputs.examples), "used": shown.used, "rows": shown.rows, "held_out": len(inputs.held_out)}
        examples |= {"with_negatives": shown.with_negatives, "never_shown": shown.never_shown}
        if inputs.earlier:
            examples |= {"earlier": len(inputs.earlier), "replayed": shown.replayed}
        return replace(ended, examples=examples, steps=self.steps)
