"""Trials of the search for the rate: short trainings in this process, through the very function that the train stage calls.

All start at the base as it lies on disk. Two trials with one seed see the same examples in the same batches; what differs is
the rate alone. They are scored on validation pairs, at their end.
"""

import io
import math
import tempfile
from collections.abc import Mapping
from contextlib import redirect_stdout
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from haechi.guards.params import GuardsParams
from haechi.pipeline.dvc_yaml import load_stage
from haechi.records.mined import MinedExample
from haechi.records.pair import Pair
from haechi.records.passage import Passage
from haechi.runtime.errors import HaechiError, UsageError
from haechi.runtime.files import read_records
from haechi.runtime.params import load_section, load_value
from haechi.selection.params import SelectParams
from haechi.sweeps.engine.agent import Outcome, Report
from haechi.sweeps.engine.trial import Trial
from haechi.sweeps.experiments import fingerprint
from haechi.sweeps.learning_rate.method import RANGE_TEST, RATE
from haechi.sweeps.learning_rate.search import Search
from haechi.training.lora_params import LoraParams
from haechi.training.loss_params import LossParams
from haechi.training.params import TrainParams

if TYPE_CHECKING:
    from sentence_transformers import SentenceTransformer

    from haechi.guards.status import TrainingStatus
    from haechi.models.load import AnyEncoder
    from haechi.scoring.validation import Validation

METRIC = "ndcg@10"
STEPS = 60
"""Steps of the range test, at least."""
UNGUARDED = GuardsParams({}, {}, {}, {}, {}, 0.5, 0, 0.0, 0.0)
"""A rate that diverges is to score as it does: nobody rolls it back to a better one."""
SHORT = {"evaluations": 1, "keep": 1, "keep_last": False, "ema_decay": 0.0, "keep_every": 0, "pin": ()}
"""A trial leaves nothing behind but its score."""


@dataclass(frozen=True)
class Setting:
    """Where the parts of a training lie, and how much of the examples it takes."""

    paths: Mapping[str, Path]
    params: TrainParams
    loss: LossParams
    lora: LoraParams
    examples: int
    unseen_weight: float
    """As select has it."""

    @classmethod
    def of(cls, root: Path, examples: int) -> "Setting":
        """As dvc.yaml and params.yaml have it."""
        file = root / "params.yaml"
        params = load_section(file, "train", TrainParams)
        if params.engine != "sentence-transformers":
            raise UsageError(
                f"lr-sweep: trains in the engine sentence-transformers alone, not {params.engine}; use `haechi sweep`"
            )
        if params.resume_from:
            raise UsageError("lr-sweep: trials start at the base; leave train.resume_from empty")
        named = load_stage(root, "train").options(root)
        paths = {name: named[f"--{name}"] for name in ("examples", "valid-pairs", "corpus", "base")}
        loss, lora = load_section(file, "loss", LossParams), load_section(file, "lora", LoraParams)
        weight = load_value(file, "select.unseen_weight", SelectParams)
        return cls(paths, params, loss, lora, examples, weight)

    def base(self, root: Path) -> dict[str, str]:
        """What all trials share; rate and seed are not part of it."""
        from haechi.models.load import device

        shared = {k: v for k, v in asdict(self.params).items() if k not in {"lr", "seed", "max_samples", *SHORT}}
        recipe = fingerprint.digest([shared, asdict(self.loss), asdict(self.lora), self.examples, self.unseen_weight, device()])
        return {"params": recipe, "data": fingerprint.inputs(self.paths), "code": fingerprint.code(root, ["train"])}


class Trainings:
    """Runs the trials; examples, pairs and corpus are read once."""

    def __init__(self, setting: Setting, search: Search) -> None:
        from haechi.scoring.validation import Validation

        self._setting, self._search = setting, search
        paths = setting.paths
        self._examples = list(read_records(paths["examples"], MinedExample))
        corpus = list(read_records(paths["corpus"], Passage))
        pairs = list(read_records(paths["valid-pairs"], Pair))
        self._validation = Validation(pairs, corpus, unseen_weight=setting.unseen_weight)

    def __call__(self, trial: Trial, report: Report) -> Outcome:
        """One training; the range test where the trial asks for it."""
        if trial.proposal.kind == RANGE_TEST:
            return self._range_test(trial.proposal.seed)
        status = self._train(float(trial.proposal.params[RATE]), trial.proposal.seed, self._validation)
        scores = status.validation
        if not math.isfinite(scores["best"]):
            raise HaechiError(f"lr-sweep: validation at rate {trial.proposal.params[RATE]} gave no number")
        return Outcome(scores["best"], {"untrained": scores["base"], "steps": status.steps, "examples": status.examples})

    def _range_test(self, seed: int) -> Outcome:
        from haechi.sweeps.learning_rate.range_test import LrRangeTest

        range_test = LrRangeTest(self._search.low, self._search.high)
        rows = self._setting.examples or len(self._examples)
        batches = max(
            1,
            -(-min(rows, len(self._examples)) // (self._setting.params.batch_size * self._setting.params.gradient_accumulation)),
        )
        epochs = max(1, -(-STEPS // batches))
        self._train(self._search.low, seed, _unasked(), epochs=epochs, also=[range_test])
        return Outcome(0.0, {"rates": range_test.rates, "losses": range_test.losses})

    def _train(self, rate: float, seed: int, validation: "Validation", **changed: Any) -> "TrainingStatus":
        from haechi.models.load import name_of
        from haechi.training.engine import train
        from haechi.training.recipe import Recipe
        from haechi.training.session import TrainingInputs
        from haechi.training.static_learner import load_learner

        also = changed.pop("also", [])
        changes: dict[str, Any] = {**SHORT, "max_samples": self._setting.examples, "lr": rate, "seed": seed, **changed}
        params = replace(self._setting.params, **changes)
        recipe: Recipe = Recipe(params, self._setting.loss, self._setting.lora, UNGUARDED)
        place = self._setting.paths["base"]
        with tempfile.TemporaryDirectory() as folder, redirect_stdout(io.StringIO()):  # thirty trainings would say too much
            model: SentenceTransformer = load_learner(place)
            inputs = TrainingInputs(model, self._examples, validation, recipe, name_of(place))
            return train(inputs, Path(folder) / "run", also=also)


def _unasked() -> "Validation":
    """A validation that costs nothing and says nothing: the range test looks at the loss alone."""
    from haechi.scoring.validation import Validation

    class Unasked(Validation):
        def __init__(self) -> None:
            self.metrics = (METRIC,)

        def __call__(self, model: "AnyEncoder") -> dict[str, float]:
            return {METRIC: 0.0}

    return Unasked()
