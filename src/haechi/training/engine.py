"""The train stage: sentence-transformers' own trainer, with our loss, batches, validation and checkpoints as parts of it.

Checkpoints are model folders; nothing with a date or a path is written.
"""

import itertools
import tempfile
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from datasets import Dataset
from sentence_transformers import SentenceTransformer, SentenceTransformerTrainingArguments
from sentence_transformers.sentence_transformer.modules import StaticEmbedding
from transformers.trainer_callback import PrinterCallback

from haechi.guards.rules import rules_of
from haechi.guards.status import TrainingStatus
from haechi.models.load import device, load_base, save_encoder
from haechi.models.registry import lora_targets
from haechi.records.mined import MinedExample
from haechi.runtime.errors import HaechiError
from haechi.runtime.files import atomic_folder
from haechi.runtime.progress import say
from haechi.training.adapters import add_adapters, freeze, merged
from haechi.training.batch_plan import Batch, never_shown
from haechi.training.batch_plan import plan as plan_batches
from haechi.training.checks import check_launch, check_model, check_params, check_rows
from haechi.training.examples import Rows, keeps_negatives, make_rows, peak_rate
from haechi.training.frozen import read_once
from haechi.training.memory import MiniBatch, out_of_memory, probed, wanted_size
from haechi.training.objective import CachedObjective, Guide, Objective
from haechi.training.params import TrainParams
from haechi.training.recipe import Recipe
from haechi.training.refresh import Refresh
from haechi.training.replay import replayed, with_replay
from haechi.training.resume import State
from haechi.training.retention import announce
from haechi.training.session import Listeners, Session, Shown, Subject, TrainingInputs
from haechi.training.trainer import Planned, Resumable, Trainer, load_last, save_last, shared_arguments, trained
from haechi.training.validation_loss import ValidationLoss, logged, rows_of_held_out


@dataclass(frozen=True)
class Plan:
    """The rows of a run, and the batches that show them."""

    examples: Sequence[MinedExample]
    rows: Rows
    epochs: Sequence[Sequence[Batch]]
    unshown: int
    """Rows that no batch shows."""
    steps: int

    @property
    def batches(self) -> list[Batch]:
        """All of them, in their order."""
        return [batch for epoch in self.epochs for batch in epoch]

    def queries_of(self, inputs: Sequence[dict[str, Any]]) -> list[str]:
        """The ids of the queries in some batches."""
        names = [example.query_id for example in self.examples for _ in example.pos_ids]
        return [names[row] for batch in inputs for row in batch["label"].tolist()]

    def shown(self, earlier: Sequence[MinedExample]) -> Shown:
        """What the rows are, in numbers; `earlier` are those that the model knows."""
        with_negatives = int((self.rows.documents[:, 1:] >= 0).any(axis=1).sum())
        return Shown(len(self.examples), len(self.rows), with_negatives, self.unshown, replayed(self.examples, earlier))


def train(
    inputs: TrainingInputs[SentenceTransformer],
    folder: Path,
    *,
    state: State | None = None,
    update: bool = True,
    listeners: Listeners | None = None,
    also: Sequence[Resumable] = (),
) -> TrainingStatus:
    """Tune the model; leaves checkpoints, history, looks at modules and training_config.json in the folder, returns the counts.

    Without `update` everything runs, but no weight changes. `also` are further callbacks.
    """
    model, recipe, params = inputs.model, inputs.recipe, inputs.recipe.params
    torch.use_deterministic_algorithms(True, warn_only=True)
    check_launch()
    check_params(params, recipe.loss, recipe.lora, device())
    check_model(model, params, recipe.loss, recipe.lora)
    plan = _plan(inputs)
    with atomic_folder(folder) as temporary, tempfile.TemporaryDirectory() as scratch, ExitStack() as stack:
        opening = load_last(Path(params.resume_from), model) if params.resume_from else None
        valid_rows = rows_of_held_out(inputs.held_out, recipe)
        rules = rules_of(recipe.guards, logged(recipe, inputs.validation, bool(valid_rows)))
        guide = _guide_model(model, recipe)
        objective = _objective(model, plan.rows, recipe, guide)
        valid_loss = ValidationLoss(_objective(model, valid_rows, recipe, guide), params) if valid_rows else None
        torch.manual_seed(params.seed)  # adapters are drawn
        if recipe.lora.rank:
            add_adapters(model, recipe.lora, lora_targets(inputs.base))
        freeze(model, params.freeze)
        stack.enter_context(read_once(model))
        mini_batch = mini_batch_of(objective, valid_loss, plan)
        subject = Subject(
            model,
            lambda place: save_encoder(merged(model), place),
            model,
            mini_batch,
            valid_loss,
            plan.queries_of,
            objective.measured,
        )
        session = Session(inputs, subject, rules, plan.steps, temporary, Path(scratch), listeners or Listeners())
        announce(folder, model, session.looks, params, resumes=state is not None, rolls_back=session.guard.rolls_back)
        trainer = _trainer(
            session,
            plan,
            objective,
            _arguments(params, Path(scratch), plan.steps, peak_rate(plan.examples, params) if update else 0.0),
            state,
            also,
        )
        if last := state.last() if state else None:
            say(f"train: goes on at step {last.number} of {plan.steps}")
        else:
            session.begin(f"{len(plan.rows)} rows")
        session.run(lambda: start(trainer, opening))
        status = session.close(plan.shown(inputs.earlier), static=isinstance(model[0], StaticEmbedding))
        if params.keep_last:
            save_last(temporary / "last", model, trainer.optimizer, {"trained": sorted(trained(model)), "steps": plan.steps})
    return status


def _plan(inputs: TrainingInputs[SentenceTransformer]) -> Plan:
    """Which examples are shown, and in which batches."""
    params = inputs.recipe.params
    chosen = with_replay(inputs.examples, inputs.earlier, params)
    rows = make_rows(chosen, params.negatives, keeps_negatives(chosen, params))
    check_rows(rows, params, inputs.recipe.loss)
    epochs = plan_batches(rows, params)
    unshown = never_shown(rows, epochs)
    if unshown:
        say(f"train: {unshown} of {len(rows)} rows are never shown (sampler, weights or curriculum)")
    return Plan(chosen, rows, epochs, unshown, -(-sum(map(len, epochs)) // params.gradient_accumulation))


def _trainer(
    session: Session,
    plan: Plan,
    objective: Objective,
    arguments: SentenceTransformerTrainingArguments,
    state: State | None,
    also: Sequence[Resumable],
) -> Trainer:
    """The trainer with everything that stands around it, in the order in which a step meets it."""
    model, params, mini_batch = session.inputs.model, session.inputs.recipe.params, session.subject.mini_batch
    model.model_card_data.widget = [{}]  # our card is made elsewhere; without a widget the trainer would look for examples
    refresh = Refresh(model, objective, _refresh_at(plan.epochs, params), params.refresh_skip)
    trainer = Trainer(
        model=model,
        args=arguments,
        train_dataset=Dataset.from_dict({"label": list(range(len(plan.rows)))}),
        loss=objective,
        batches=plan.batches,
        state=state,
        resumables=[session.validation, session.guard, session.monitor, refresh, mini_batch, *also],
        ended=lambda: session.guard.ended is not None or session.validation.ended,
        record=session.record,
        mini_batch=mini_batch,
        counts=objective,
    )
    trainer.remove_callback(PrinterCallback)
    trainer.add_callback(session.memory_log)
    trainer.add_callback(session.trackers)
    return trainer


def start(trainer: Planned, opening: Callable[[Any], None] | None = None) -> None:
    """Train; memory that a smaller mini-batch can't save is one sentence."""
    try:
        trainer.start(opening)
    except Exception as error:
        if not out_of_memory(error):
            raise
        raise HaechiError(
            "train: out of memory outside forward and backward, most likely for the optimizer's memory; "
            "train adapters (lora.rank), freeze a part (train.freeze), or take a smaller model"
        ) from error


def mini_batch_of(objective: Objective, valid_loss: ValidationLoss | None, plan: Plan) -> MiniBatch:
    """How many texts are embedded at once: as the loss says, as the environment says, or what memory allows."""
    largest = max(len(batch) for batch in plan.batches) * (plan.rows.documents.shape[1])
    if not isinstance(objective, CachedObjective):
        return MiniBatch(0, largest, None)
    cached = objective

    def apply(size: int) -> None:
        for part in (cached, valid_loss.objective if valid_loss else None):
            if isinstance(part, CachedObjective):
                part.mini_batch_size = size

    mini_batch = MiniBatch(cached.mini_batch_size, largest, apply)
    wanted = wanted_size()
    if wanted == "auto":
        if not _probes():
            say("train: HAECHI_MINI_BATCH=auto needs a GPU, whose memory has an end that can be met; nothing is probed")
        else:
            probe(cached, mini_batch, plan.batches, plan.rows)
    elif wanted:
        mini_batch.begin_with(int(wanted))
    return mini_batch


def _probes() -> bool:
    return device() != "cpu"


def probe(objective: Objective, mini_batch: MiniBatch, batches: Sequence[Batch], rows: Rows) -> None:
    """Find the largest mini-batch that fits, on the batch with the longest texts; no weight and no random number changes."""
    lengths = [sum(len(rows.texts[n]) for n in set(rows.columns(batch).tolist()) if n >= 0) for batch in batches]
    hardest = torch.tensor(batches[max(range(len(batches)), key=lengths.__getitem__)])

    def attempt() -> None:
        objective.train()
        try:
            objective([], hardest).backward()
        finally:
            objective.zero_grad()

    with torch.random.fork_rng():
        size = probed(attempt, mini_batch, len(hardest) * rows.documents.shape[1])
    objective.measured()
    say(f"train: {f'{size} texts are' if size else 'the whole batch is'} embedded at once, as memory allows")


def _refresh_at(epochs: Sequence[Sequence[Batch]], params: TrainParams) -> set[int]:
    """The steps after which negatives are mined anew: ends of epochs, but not of the last."""
    ends = itertools.accumulate(len(epoch) for epoch in epochs[:-1])
    every = params.refresh_every
    return {-(-end // params.gradient_accumulation) for i, end in enumerate(ends, 1) if every and i % every == 0}


def _guide_model(model: SentenceTransformer, recipe: Recipe) -> SentenceTransformer | None:
    """Whose embeddings guide the loss, if it is guided."""
    loss = recipe.loss
    if loss.name != "guided":
        return None
    return load_base(loss.guide, int(model.max_seq_length or 512)) if loss.guide else model


def _objective(model: SentenceTransformer, rows: Rows, recipe: Recipe, source: SentenceTransformer | None) -> Objective:
    """Of a transformer with cached gradients, whether or not they are needed from the beginning."""
    guide = Guide(source, rows, recipe.loss.margin) if source is not None else None
    kind = Objective if isinstance(model[0], StaticEmbedding) else CachedObjective
    return kind(model, rows, recipe.loss, recipe.params, guide)


def _arguments(params: TrainParams, scratch: Path, steps: int, rate: float) -> SentenceTransformerTrainingArguments:
    return SentenceTransformerTrainingArguments(
        output_dir=str(scratch),
        num_train_epochs=1,  # the plan holds all of them
        learning_rate=rate,
        **shared_arguments(params, steps),
    )
