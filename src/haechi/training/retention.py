"""The checkpoints of a run: which of them stay, and how much disk they will take."""

import shutil
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from pathlib import Path

import torch
from sentence_transformers import SentenceTransformer

from haechi.runtime.errors import HaechiError
from haechi.runtime.files import linked, read_records, size_told, write_jsonl
from haechi.runtime.progress import say
from haechi.training.params import TrainParams
from haechi.training.static_learner import plain

FOLDER, KEPT = "checkpoints", "kept.jsonl"


@dataclass(frozen=True)
class Checkpoint:
    """A kept model with its validation score."""

    name: str
    step: int
    score: float


@dataclass(frozen=True)
class Looks:
    """When a run is validated."""

    steps: int
    """Of the whole schedule."""
    at: Sequence[int]
    """The steps after which it is; the last of them ends the run."""
    safe: frozenset[int]
    """Those whose checkpoint stays whatever its score: pinned ones, and every n-th."""

    @classmethod
    def of(cls, steps: int, params: TrainParams, shares: Sequence[float] = ()) -> "Looks":
        """Evenly spread, and wherever a checkpoint is pinned; where shares of the steps are named, after these alone."""
        if shares:
            at = sorted({max(1, round(steps * share)) for share in shares})
            return cls(steps, at, frozenset(at))
        if late := [step for step in params.pin if not 1 <= step <= steps]:
            raise HaechiError(f"train.pin: there is no step {late[0]}; this run has {steps} steps")
        at = sorted({max(1, round(steps * (i + 1) / params.evaluations)) for i in range(params.evaluations)} | set(params.pin))
        every = at[params.keep_every - 1 :: params.keep_every] if params.keep_every else ()
        return cls(steps, at, frozenset(params.pin) | frozenset(every))


def retained(checkpoints: Collection[Checkpoint], keep: int, safe: Collection[int]) -> list[Checkpoint]:
    """The best ones first, then those that stay for another reason: the newest, and the protected steps.

    What a later step needs is never let go: the best (to roll back to and to select), the last, what was pinned.
    """
    ranked = sorted(checkpoints, key=lambda c: (-c.score, c.step))
    newest = max(checkpoint.step for checkpoint in checkpoints)
    return [*ranked[:keep], *(c for c in ranked[keep:] if c.step == newest or c.step in safe)]


class CheckpointStore:
    """Saves the model as it is, by `save_model`, and lets go of what need not stay."""

    def __init__(self, save_model: Callable[[Path], None], folder: Path, params: TrainParams, looks: Looks) -> None:
        self._save_model, self._folder = save_model, folder / FOLDER
        self._keep, self._safe = params.keep, looks.safe
        self.kept: list[Checkpoint] = []
        """The best first; the newest and what is protected are among them, or stand behind them."""

    def add(self, checkpoint: Checkpoint) -> None:
        """Save it, and keep it as long as it is among the best, the newest or protected."""
        before = [*self.kept, checkpoint]
        self.store(checkpoint.name)
        self.kept = retained(before, self._keep, self._safe)
        for dropped in before:
            if dropped not in self.kept:
                shutil.rmtree(self._folder / dropped.name)

    def store(self, name: str) -> None:
        """Save the model under a name."""
        self._save_model(self._folder / name)

    def save(self, folder: Path) -> None:
        """Put all of them into the folder of a state."""
        write_jsonl(folder / KEPT, self.kept)
        if self._folder.is_dir():
            shutil.copytree(self._folder, folder / FOLDER, copy_function=linked)

    def load(self, folder: Path) -> None:
        """Bring them back."""
        self.kept = list(read_records(folder / KEPT, Checkpoint))
        if (folder / FOLDER).is_dir():
            shutil.copytree(folder / FOLDER, self._folder, copy_function=linked)


def announce(folder: Path, model: torch.nn.Module, looks: Looks, params: TrainParams, *, resumes: bool, rolls_back: bool) -> None:
    """Say how much disk the run may take before it takes any; too little is an error now, not in an hour."""
    saved = plain(model) if isinstance(model, SentenceTransformer) else model
    whole = sum(tensor.numel() * tensor.element_size() for tensor in saved.state_dict().values())
    learned = sum(w.numel() * w.element_size() for w in model.parameters() if w.requires_grad)
    number = min(len(looks.at), params.keep + 1 + len(looks.safe)) + bool(params.ema_decay)
    extra = 3 * learned * params.keep_last + (2 * 4 * learned if resumes else 0) + (learned if rolls_back else 0)
    needed = number * whole + extra
    place = next(parent for parent in (folder, *folder.parents) if parent.exists())
    left = shutil.disk_usage(place).free
    say(
        f"train: up to {number} checkpoints of {size_told(whole)}"
        f"{f', and {size_told(extra)} to resume, roll back or go on' if extra else ''}: "
        f"{size_told(needed)} of the {size_told(left)} that are free"
    )
    if needed > left:
        raise HaechiError(
            f"{folder}: the run may take {size_told(needed)}, and {size_told(left)} are free; lower train.keep or free some disk"
        )
