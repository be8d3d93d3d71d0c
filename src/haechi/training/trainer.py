"""Sentence-transformers' trainer with our batches and our resume state; nothing of its loop is replaced.

A run that is killed goes on from the last state and ends with the bytes of an undisturbed one: the batches are a list made
beforehand, states are saved only where the log has just been written (so no sum is half done), and weights, optimizer,
scheduler and random numbers come back as they were. Everything is loaded as tensors and plain values, never as objects.
"""

import signal
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Protocol

import torch
from safetensors.torch import load_file, save_file
from sentence_transformers import SentenceTransformerTrainer
from sentence_transformers.base.trainer import BaseTrainer
from torch import Tensor, nn
from torch.utils.data import DataLoader
from transformers import TrainerCallback, TrainerControl, TrainerState, TrainingArguments

from haechi.models.load import device
from haechi.runtime.environment import number
from haechi.runtime.errors import HaechiError
from haechi.runtime.files import read_json, write_json
from haechi.training.batch_plan import Batch
from haechi.training.params import TrainParams
from haechi.training.resume import State
from haechi.training.retry import Retry

WEIGHTS, MOMENTS, TRAINER_STATE, EXTRA = "weights.safetensors", "optimizer.safetensors", "trainer_state.json", "extra.json"
EVERY = "HAECHI_STATE_SECONDS"
PATIENCE = 60.0
"""Seconds between two states where HAECHI_STATE_SECONDS doesn't say otherwise."""
NEAR = 30.0
"""Seconds that Ctrl-C waits at most for the next row of the log, where a state can be saved; else the run ends at once."""
SHARE = 0.05
"""Saving takes at most about this share of the time, however large the model."""


class Resumable(Protocol):
    """A part of the training whose memory belongs to the state."""

    def save(self, folder: Path) -> None:
        """Write it into a folder."""

    def load(self, folder: Path) -> None:
        """Read it from there."""


class Due(TrainerCallback):
    """Asks for a state where it is time and the log is about to be written; ends an interrupted run once its state is saved."""

    def __init__(self, trainer: "Planned") -> None:
        self._trainer = trainer

    def on_step_end(self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **kwargs: Any) -> None:
        """The last of the callbacks, so that what the others do in this step is part of the state."""
        if control.should_log and self._trainer.due():
            control.should_save = True

    def on_save(self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **kwargs: Any) -> None:
        """A state was saved."""
        if self._trainer.interrupted:
            raise KeyboardInterrupt


class Planned(Retry, BaseTrainer):
    """To stand before a trainer of sentence-transformers: takes its batches from a plan and saves its state where `state` says.

    `resumables` remember something: they save it into the folder of a state, and load it from there. Those that are callbacks
    are called in their order. No state is saved once `ended` says so: a run that a guard has stopped is not to be taken up.
    """

    def __init__(
        self,
        *,
        batches: Sequence[Batch],
        state: State | None,
        resumables: Sequence[Resumable],
        ended: Callable[[], bool] = lambda: False,
        **kwargs: Any,
    ) -> None:
        callbacks: list[Any] = [*(part for part in resumables if isinstance(part, TrainerCallback)), Due(self)]
        super().__init__(callbacks=callbacks, **kwargs)
        self._batches, self._resume, self._resumables = batches, state, resumables
        self._opening: Callable[[Any], None] | None = None
        self._ended = ended
        self._saved, self._took = time.monotonic(), 0.0
        self._patience = number(EVERY, PATIENCE)
        self.interrupted = False

    def get_train_dataloader(self) -> DataLoader[Tensor]:
        """The plan, the same in every process: each embeds its share of every batch."""
        return DataLoader(_Numbers(), batch_sampler=list(map(list, self._batches)), collate_fn=_labels)  # type: ignore[arg-type]

    def due(self) -> bool:
        """Whether it is time to save the state."""
        waited = time.monotonic() - self._saved
        if self.interrupted:
            return True
        return self._resume is not None and waited >= max(self._patience, self._took / SHARE if self._patience else 0.0)

    def start(self, opening: Callable[[Any], None] | None = None) -> None:
        """Train from the last state, or from the beginning."""
        last = self._resume.last() if self._resume else None
        if last:
            for part in self._resumables:
                part.load(last.folder)
        self._opening = None if last else opening
        with self._heeding(last.number if last else 0):
            self.train(resume_from_checkpoint=str(last.folder) if last else None)

    @contextmanager
    def _heeding(self, first: int) -> Iterator[None]:
        """The first Ctrl-C waits for the next row of the log, where a state can be saved; the second does not."""
        if self._resume is None or threading.current_thread() is not threading.main_thread():
            yield
            return
        began = time.monotonic()

        def heed(number: int, frame: Any) -> None:
            signal.signal(signal.SIGINT, before)
            done = self.state.global_step
            to_go = self.args.logging_steps - done % self.args.logging_steps
            if done == first or to_go * (time.monotonic() - began) / (done - first) > NEAR:
                raise KeyboardInterrupt
            self.interrupted = True

        before = signal.signal(signal.SIGINT, heed)
        try:
            yield
        finally:
            signal.signal(signal.SIGINT, before)

    def create_optimizer(self, model: nn.Module | None = None) -> torch.optim.Optimizer:
        """The optimizer, with the memory of an earlier run where one is continued."""
        optimizer = super().create_optimizer(model)
        if self._opening:
            self._opening(self)
        return optimizer

    def _save_checkpoint(self, model: nn.Module, trial: Any) -> None:
        if self._resume is None or not self.args.should_save or self._ended():
            return
        began = time.monotonic()
        with self._resume.saving(self.state.global_step) as folder:
            save_file(trained(self.model), folder / WEIGHTS)
            self._save_optimizer_and_scheduler(str(folder))
            self._save_scaler(str(folder))
            self._save_rng_state(str(folder))
            for part in self._resumables:
                part.save(folder)
            self.state.save_to_json(str(folder / TRAINER_STATE))
        self._saved = time.monotonic()
        self._took = self._saved - began

    def _load_from_checkpoint(self, resume_from_checkpoint: str, model: nn.Module | None = None) -> None:
        put_back(self.model, load_file(Path(resume_from_checkpoint) / WEIGHTS), Path(resume_from_checkpoint))


class Trainer(Planned, SentenceTransformerTrainer):
    """Trains encoders."""


class _Numbers(torch.utils.data.Dataset[int]):
    """The row numbers themselves."""

    def __getitem__(self, index: int) -> int:
        """A row number."""
        return index


def _labels(rows: list[int]) -> dict[str, Tensor]:
    return {"label": torch.tensor(rows), "return_loss": torch.tensor(True)}


def shared_arguments(params: TrainParams, steps: int) -> dict[str, Any]:
    """What the trainers of both engines are told alike."""
    return {
        "per_device_train_batch_size": params.batch_size,
        "gradient_accumulation_steps": params.gradient_accumulation,
        "activation_checkpointing": params.gradient_checkpointing,
        "bf16": params.precision == "bf16",
        "fp16": params.precision == "fp16",
        "lr_scheduler_type": params.scheduler,
        "warmup_steps": round(steps * params.warmup_ratio),
        "weight_decay": params.weight_decay,
        "max_grad_norm": params.max_grad_norm,
        "seed": params.seed,
        "data_seed": params.seed,
        "save_strategy": "no",
        "eval_strategy": "no",
        "logging_steps": max(1, steps // 50),
        "report_to": "none",
        "disable_tqdm": True,  # our own bar knows the last validation too
        "dataloader_num_workers": 0,
        "use_cpu": device() == "cpu",
        "dataloader_pin_memory": torch.cuda.is_available(),
    }


def trained(model: nn.Module) -> dict[str, Tensor]:
    """The weights that training changes, and buffers."""
    learned = {name for name, weight in model.named_parameters() if weight.requires_grad}
    buffers = {name for name, _ in model.named_buffers()}
    return {name: tensor.detach().cpu().contiguous() for name, tensor in model.state_dict().items() if name in learned | buffers}


def put_back(model: nn.Module, weights: dict[str, Tensor], source: Path) -> None:
    """Load weights by name; those of another model are refused."""
    mine = trained(model)
    same = mine.keys() == weights.keys() and all(mine[name].shape == weights[name].shape for name in mine)
    if not same:
        odd = sorted(mine.keys() ^ weights.keys()) or [name for name in mine if mine[name].shape != weights[name].shape]
        raise HaechiError(f"{source}: was saved from another model (differs in {odd[0]})")
    model.load_state_dict(weights, strict=False)


def save_last(folder: Path, model: nn.Module, optimizer: Any, facts: dict[str, Any]) -> None:
    """Weights and the optimizer's memory as safetensors, to go on from later."""
    folder.mkdir(parents=True)
    save_file(trained(model), folder / WEIGHTS)
    names = {id(weight): name for name, weight in model.named_parameters()}
    memory = {}
    for weight, values in getattr(optimizer, "optimizer", optimizer).state.items():
        for kind, value in values.items():
            memory[f"{names[id(weight)]}/{kind}"] = torch.as_tensor(value).detach().cpu().contiguous()
    save_file(memory, folder / MOMENTS)
    write_json(folder / EXTRA, facts)


def load_last(run: Path, model: nn.Module) -> Callable[[Any], None]:
    """Put the weights of an earlier run into the model; gives what puts its memory into the optimizer once there is one.

    The rate is not part of that memory: the one that is asked for now counts.
    """
    folder = run / "last"
    for name in (WEIGHTS, MOMENTS, EXTRA):
        if not (folder / name).is_file():
            raise HaechiError(
                f"{folder / name}: no such file to go on from (train.resume_from); it is there if the earlier run had "
                "train.keep_last and its folder was copied out of models/run, which DVC empties before it trains"
            )
    put_back(model, load_file(folder / WEIGHTS), folder)
    memory = load_file(folder / MOMENTS)
    if list(read_json(folder / EXTRA).get("trained", [])) != sorted(trained(model)):
        raise HaechiError(f"{folder}: was saved from another model or with other frozen weights")

    def remember(trainer: Any) -> None:
        names = dict(model.named_parameters())
        state: dict[Any, dict[str, Tensor]] = trainer.optimizer.state
        for key, value in memory.items():
            name, _, kind = key.rpartition("/")
            weight = names[name]
            state[weight][kind] = value.to(weight.device) if value.dim() else value

    return remember
