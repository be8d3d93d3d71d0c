"""The guards at work: after every new row of the history the rules are asked, and what they decide is done.

Steps whose loss or gradients are not finite are skipped, and their batch is written down. Going back means to the weights of
the best validation, the base's among them. What a guard has done stands in the history, and is part of a state: a run that is
killed after it goes on as if nobody had disturbed it.
"""

import math
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import load_file, save_file
from torch import nn
from transformers import TrainerCallback, TrainerControl, TrainerState, TrainingArguments

from haechi.guards.decide import Decision, fired, series
from haechi.guards.decide import decide as decided
from haechi.guards.history import HistoryRow
from haechi.guards.params import GuardsParams
from haechi.guards.rules import Rule
from haechi.guards.verdict import METRIC
from haechi.runtime.files import linked, read_json, write_json
from haechi.runtime.progress import say
from haechi.text.bilingual import Words, same
from haechi.training.checkpointing import ValidationCallback
from haechi.training.retry import StepRecord
from haechi.training.trainer import put_back, trained

BEST, DONE = "best.safetensors", "guard.json"


class GuardCallback(TrainerCallback):
    """Asks the rules and does what they decide. To stand behind `validation` among the callbacks.

    `queries_of` names the queries of a step's batches, and `record` is what the trainer writes down of a step.
    """

    def __init__(
        self,
        model: nn.Module,
        validation: ValidationCallback,
        rules: Sequence[Rule],
        params: GuardsParams,
        scratch: Path,
        queries_of: Callable[[Sequence[dict[str, Any]]], list[str]],
        record: StepRecord,
    ) -> None:
        self._model, self._validation, self._rules, self._params = model, validation, rules, params
        self._queries_of, self._record = queries_of, record
        self._best = scratch / BEST
        self.rolls_back = any(rule.action == "rollback" for rule in rules)
        self._rows_seen = self._best_step = -1
        self._rollbacks = 0
        self.noted: dict[str, Words] = {}
        """Rule -> why it fired, for the first time."""
        self.ended: Decision | None = None

    @property
    def reason(self) -> Words:
        """Why it ended the run; empty where it didn't."""
        return (self.ended and self.ended.reason) or same("")

    def on_train_begin(self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **kwargs: Any) -> None:
        """The base is the first to go back to."""
        self._remember_best()

    def on_pre_optimizer_step(self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **kwargs: Any) -> None:
        """Skip a step that would do harm; under fp16 the scaler skips steps whose gradients are too large by itself."""
        record = self._record
        if not record.losses:
            return
        wrong = ""
        if not bool(torch.stack(record.losses).isfinite().all()):
            wrong = "loss"
        elif not args.fp16 and record.norm is not None and not math.isfinite(record.norm):
            wrong = "gradient"
        if wrong:
            if not args.fp16:
                self._model.zero_grad()  # an optimizer leaves alone what has no gradient
            step = state.global_step + 1
            batch = self._queries_of(record.batches)
            self._validation.history.append(HistoryRow(step, skipped=wrong, batch=tuple(batch)))
            say(f"train: step {step} is skipped, since its {wrong} is not finite; its batch: {', '.join(batch[:5])}, ...")

    def on_step_end(self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **kwargs: Any) -> None:
        """After validation."""
        self._remember_best()
        self._ask(state, control, **kwargs)

    def on_log(self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **kwargs: Any) -> None:
        """After a row of the log."""
        self._ask(state, control, **kwargs)

    def save(self, folder: Path) -> None:
        """Put what was done into the folder of a state."""
        noted = {rule: list(reason) for rule, reason in self.noted.items()}
        write_json(folder / DONE, {"noted": noted, "rollbacks": self._rollbacks, "best_step": self._best_step})
        if self._best.exists():
            linked(self._best, folder / BEST)

    def load(self, folder: Path) -> None:
        """Bring it back."""
        done = read_json(folder / DONE)
        self.noted = {rule: Words(*said) for rule, said in done["noted"].items()}
        self._rollbacks, self._best_step = done["rollbacks"], done["best_step"]
        self._rows_seen = len(self._validation.history)
        if (folder / BEST).exists():
            linked(folder / BEST, self._best)

    def _remember_best(self) -> None:
        """Keep the weights where this validation is the best so far."""
        scores = series(self._validation.history, METRIC) if self.rolls_back else []
        if not scores:
            return
        step, _ = max(scores, key=lambda pair: (pair[1], -pair[0]))
        if step == scores[-1][0] and step != self._best_step:
            new = self._best.with_suffix(".new")
            save_file(trained(self._model), new)
            new.replace(self._best)  # the old one may be part of a state
            self._best_step = step

    def _ask(self, state: TrainerState, control: TrainerControl, **kwargs: Any) -> None:
        history = self._validation.history
        if self.ended or len(history) in (0, self._rows_seen):
            return
        for decision in fired(history, self._rules):
            if decision.reason and decision.rule not in self.noted:
                self.noted[decision.rule] = decision.reason
                say(f"train: step {state.global_step}, {decision.rule}: {decision.reason.en}")
        self._do(decided(history, self._rules), state, control, **kwargs)
        self._rows_seen = len(history)

    def _do(self, decision: Decision, state: TrainerState, control: TrainerControl, **kwargs: Any) -> None:
        if decision.action == "continue":
            return
        to = self._best_step if decision.action == "rollback" else None
        self._validation.history.append(HistoryRow(state.global_step, event=decision.action, rule=decision.rule, to=to))
        goes_on = decision.action == "lower_lr"
        if decision.action == "rollback":
            goes_on = self._rollbacks < self._params.rollbacks
            self._rollbacks += 1
            put_back(self._model, load_file(self._best), self._best)
            kwargs["optimizer"].state.clear()  # its memory is of where the weights were
            say(f"train: the weights of step {self._best_step} are put back")
        if goes_on:
            lower(kwargs["optimizer"], kwargs["lr_scheduler"], self._params.lower_by)
            say(f"train: the learning rate is multiplied by {self._params.lower_by:g}")
        else:
            self.ended = decision
            control.should_training_stop = True
            say(f"train: stopped at step {state.global_step}")


def lower(optimizer: Any, scheduler: Any, factor: float) -> None:
    """Multiply the rate of every group, now and for the rest of the schedule."""
    for group in optimizer.param_groups:
        group["lr"] *= factor
        if "initial_lr" in group:
            group["initial_lr"] *= factor
    scheduler.base_lrs = [rate * factor for rate in scheduler.base_lrs]
    scheduler._last_lr = [group["lr"] for group in optimizer.param_groups]
