"""A reranker's training: the library's own trainer of cross-encoders, with everything that stands around that of encoders."""

import shutil
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import fields, replace
from pathlib import Path
from typing import Any

import torch
from datasets import Dataset
from sentence_transformers import CrossEncoder, CrossEncoderTrainer, CrossEncoderTrainingArguments
from transformers.trainer_callback import PrinterCallback

from haechi.guards.rules import rules_of
from haechi.guards.status import TrainingStatus
from haechi.models.load import device, save_encoder
from haechi.models.registry import lora_targets
from haechi.reranking.examples import usable
from haechi.reranking.objective import PairObjective
from haechi.reranking.params import LISTWISE, RerankerParams
from haechi.reranking.recipe import RerankerRecipe, course
from haechi.runtime.errors import HaechiError
from haechi.runtime.files import atomic_folder, read_json
from haechi.runtime.progress import say, worded
from haechi.training.adapters import add_adapters, freeze, merged
from haechi.training.batch_plan import plan as plan_batches
from haechi.training.checks import check_launch, check_params
from haechi.training.engine import Plan, mini_batch_of, start
from haechi.training.examples import choose_examples, make_rows
from haechi.training.resume import State
from haechi.training.retention import FOLDER, announce
from haechi.training.session import Listeners, Session, Subject, TrainingInputs
from haechi.training.trainer import Planned, shared_arguments
from haechi.training.validation_loss import ValidationLoss, logged


class PairTrainer(Planned, CrossEncoderTrainer):
    """Trains cross-encoders."""


def train_reranker(
    inputs: TrainingInputs[CrossEncoder],
    recipe: RerankerRecipe,
    folder: Path,
    *,
    state: State | None = None,
    listeners: Listeners | None = None,
) -> TrainingStatus:
    """Tune the model; leaves in the folder what the training of an encoder leaves, returns the counts."""
    model, params = inputs.model, recipe.reranker
    torch.use_deterministic_algorithms(True, warn_only=True)
    check_launch()
    check_params(recipe.params, recipe.loss, recipe.lora, device())
    plan = _plan(inputs, params)
    with atomic_folder(folder) as temporary, tempfile.TemporaryDirectory() as scratch:
        objective = PairObjective(model, plan.rows, params)
        valid_loss = _valid_loss(inputs, params)
        rules = rules_of(recipe.guards, logged(recipe, inputs.validation, valid_loss is not None))
        torch.manual_seed(params.seed)  # adapters are drawn
        if params.lora_rank:
            add_adapters(model, recipe.lora, lora_targets(params.base), whole=head_of(model))
        freeze(model, params.freeze)
        if params.loss in LISTWISE:  # such scores may be large: a sigmoid of few bits would make them equal
            model.activation_fn = torch.nn.Identity()
        mini_batch = mini_batch_of(objective, valid_loss, plan)
        subject = Subject(model, lambda place: save_encoder(merged(model), place), model, mini_batch, valid_loss, plan.queries_of)
        session = Session(inputs, subject, rules, plan.steps, temporary, Path(scratch), listeners or Listeners())
        announce(folder, model, session.looks, recipe.params, resumes=state is not None, rolls_back=session.guard.rolls_back)
        trainer = _trainer(session, plan, objective, Path(scratch), state)
        if last := state.last() if state else None:
            say(f"train: goes on at step {last.number} of {plan.steps}")
        else:
            session.begin(f"{len(plan.rows)} lists")
        session.run(lambda: start(trainer))
        return session.close(plan.shown(()), static=False)


def head_of(model: CrossEncoder) -> list[str]:
    """The layers that make a score of what the transformer has read: adapters leave them whole, since a new one knows nothing."""
    network: Any = model[0].model
    body = network.base_model_prefix
    own = [name for name, part in network.named_children() if name != body and any(True for _ in part.parameters())]
    inner = getattr(network, body, None)
    return [*own, *(["pooler"] if getattr(inner, "pooler", None) is not None else [])]


def keep_best(status: TrainingStatus, run: Path, base: Callable[[], CrossEncoder], out: Path) -> TrainingStatus:
    """Leave the best checkpoint, or the base where none is better, with the run's history beside it."""
    best = read_json(run / "training_config.json")["checkpoints"][0]
    better = best["score"] > status.validation["base"]
    with atomic_folder(out) as temporary:
        if better:
            shutil.copytree(run / FOLDER / best["name"], temporary, dirs_exist_ok=True)
        else:
            save_encoder(base(), temporary / "base")
            for file in (temporary / "base").iterdir():
                file.rename(temporary / file.name)
            (temporary / "base").rmdir()
        (temporary / "training").mkdir()
        for name in ("history.jsonl", "modules.jsonl", "training_config.json"):
            shutil.copyfile(run / name, temporary / "training" / name)
    return replace(status, validation={**status.validation, "chosen": best["name"] if better else "base"})


def _plan(inputs: TrainingInputs[CrossEncoder], params: RerankerParams) -> Plan:
    chosen = usable(choose_examples(inputs.examples, course(params)), params)
    rows = make_rows(chosen, params.negatives)
    epochs = plan_batches(rows, course(params))
    return Plan(chosen, rows, epochs, 0, sum(map(len, epochs)))


def _valid_loss(inputs: TrainingInputs[CrossEncoder], params: RerankerParams) -> ValidationLoss | None:
    if not inputs.held_out:
        return None
    try:
        held_out = usable(inputs.held_out, params)
    except HaechiError as error:
        say(f"train: no validation loss ({error})")
        return None
    return ValidationLoss(PairObjective(inputs.model, make_rows(held_out, params.negatives), params), course(params))


def _trainer(session: Session, plan: Plan, objective: PairObjective, scratch: Path, state: State | None) -> Planned:
    """The trainer with everything that stands around it, in the order in which a step meets it."""
    model, recipe, mini_batch = session.inputs.model, session.inputs.recipe, session.subject.mini_batch
    model.model_card_data.widget = [{}]
    trainer = PairTrainer(
        model=model,
        args=CrossEncoderTrainingArguments(
            output_dir=str(scratch),
            num_train_epochs=1,  # the plan holds all of them
            learning_rate=recipe.params.lr,
            **shared_arguments(recipe.params, plan.steps),
        ),
        train_dataset=Dataset.from_dict({"label": list(range(len(plan.rows)))}),
        loss=objective,
        batches=plan.batches,
        state=state,
        resumables=[session.validation, session.guard, session.monitor, mini_batch],
        ended=lambda: session.guard.ended is not None,
        record=session.record,
        mini_batch=mini_batch,
        counts=objective,
    )
    trainer.remove_callback(PrinterCallback)
    trainer.add_callback(session.memory_log)
    trainer.add_callback(session.trackers)
    return trainer


@contextmanager
def in_our_words() -> Iterator[None]:
    """What the engine of `train` says of its parameters, of this stage's."""
    with worded(ours):
        try:
            yield
        except HaechiError as error:
            raise HaechiError(ours(str(error))) from error


_WORDS = {
    "train: ": "train_reranker: ",
    "train.": "reranker.",
    "model.max_length": "reranker.max_length",
    "loss.mini_batch": "reranker.mini_batch",
    "lora.rank": "reranker.lora_rank",
}


def ours(text: str) -> str:
    """A sentence or command of `train` as one of this stage."""
    for theirs, own in _WORDS.items():
        text = text.replace(theirs, own)
    return text


def advised(status: TrainingStatus) -> TrainingStatus:
    """The status in this stage's words, without advice about parameters that it doesn't have."""
    names = {f"reranker.{one.name}" for one in fields(RerankerParams)}

    def known(command: str) -> bool:
        return all(word.partition("=")[0] in names for word in command.split() if "=" in word)

    commands = tuple(command for command in map(ours, status.next) if known(command))
    return replace(
        status,
        reasons=tuple(map(ours, status.reasons)),
        reasons_ko=tuple(map(ours, status.reasons_ko)),
        next=commands or ("dvc repro",),
    )
