"""Memory that runs out: the same samples again in smaller groups, with the same effective batch and the same negatives.

`train.batch_size` decides which texts share a softmax, so it is never touched. What shrinks is how many of them are embedded
at once (gradients are cached, or activations computed again), which leaves the result what it was but for rounding. What
happened depends on the machine and stands in a file outside DVC's outputs.
"""

import gc
import hashlib
import os
import resource
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import torch
from accelerate.utils.memory import clear_device_cache, should_reduce_batch_size
from transformers import TrainerCallback, TrainerControl, TrainerState, TrainingArguments

from haechi.runtime.environment import count, home
from haechi.runtime.errors import HaechiError
from haechi.runtime.files import read_json, write_json
from haechi.runtime.progress import say

T = TypeVar("T")
MINI_BATCH = "HAECHI_MINI_BATCH"
MEMORY = "memory.json"
SERIES = 200
"""Rows of the file at most, the last ones."""


def out_of_memory(error: BaseException) -> bool:
    """Whether an error means that memory ran out, on whatever device."""
    if isinstance(error, torch.OutOfMemoryError | MemoryError):
        return True
    return isinstance(error, RuntimeError) and (should_reduce_batch_size(error) or "ALLOC_FAILED" in str(error))


def wanted_size() -> str:
    """What HAECHI_MINI_BATCH says: nothing, `auto`, or a number."""
    value = os.environ.get(MINI_BATCH, "").strip()
    return value if value == "auto" else str(count(MINI_BATCH, 0, least=1, word="auto") or "")


def statistics_of(output: Path) -> Path:
    """Where the memory statistics of the run that writes this folder go; another experiment's folder has another file."""
    place = hashlib.sha256(os.fsencode(output.absolute())).hexdigest()[:16]
    return home() / "logs" / "train" / place / MEMORY


class MiniBatch:
    """How many texts are embedded at once, and what has become of it.

    `size` 0 embeds the whole batch, of `most` texts; `apply` tells the model; `None` where it can't be split.
    """

    def __init__(self, size: int, most: int, apply: Callable[[int], None] | None) -> None:
        self.size, self._most, self._apply = size, most, apply
        self.start, self.events, self.series = size, list[dict[str, Any]](), list[dict[str, Any]]()

    def set(self, size: int) -> None:
        """Embed so many at once from now on."""
        self.size = size
        if self._apply:
            self._apply(size)

    def begin_with(self, size: int) -> None:
        """Embed so many at once from the first step on."""
        self.set(size)
        self.start = size

    def shrink(self, where: str, step: int) -> None:
        """Take the next power of two below; an error where that is not possible."""
        now = self.size or self._most
        if self._apply is None:
            raise HaechiError(
                f"train: out of memory in {where} at step {step}, and this model's batch can't be embedded in parts; "
                "lower train.batch_size or train.negatives"
            )
        if now <= 1:
            raise HaechiError(
                f"train: out of memory in {where} at step {step} with one text at a time; "
                "set train.gradient_checkpointing, lower model.max_length, or take a smaller model"
            )
        self.set(1 << ((now - 1).bit_length() - 1))
        self.events.append({"step": step, "where": where, "from": now, "to": self.size})
        say(f"train: out of memory in {where} at step {step}; the same samples again, {self.size} texts at a time, not {now}")

    def save(self, folder: Path) -> None:
        """Put it into the folder of a state, so that a resumed run doesn't meet the same wall."""
        write_json(folder / MEMORY, {"size": self.size, "start": self.start, "events": self.events})

    def load(self, folder: Path) -> None:
        """Bring it back."""
        saved = read_json(folder / MEMORY)
        self.start, self.events = saved["start"], saved["events"]
        if saved["size"] != self.size:
            self.set(saved["size"])


class MemoryLog(TrainerCallback):
    """Writes down, beside each row of the log, how much memory is taken."""

    def __init__(self, mini_batch: MiniBatch, file: Path | None) -> None:
        self._mini_batch, self._file = mini_batch, file

    def on_log(self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **kwargs: Any) -> None:
        """One row."""
        self._mini_batch.series.append({"step": state.global_step, **taken()})

    def write(self) -> None:
        """Leave the statistics, whatever has happened."""
        batch = self._mini_batch
        if self._file:
            facts = {"mini_batch": {"start": batch.start, "end": batch.size}, "events": batch.events, "peak": taken()}
            write_json(self._file, {**facts, "series": batch.series[-SERIES:]})


def taken() -> dict[str, float]:
    """Megabytes: the process at its largest, and on the device what is in use, at its largest, and reserved."""
    megabytes = {"process_peak_mb": round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024, 1)}
    if torch.cuda.is_available():
        megabytes |= {
            "device_mb": round(torch.cuda.memory_allocated() / 2**20, 1),
            "device_peak_mb": round(torch.cuda.max_memory_allocated() / 2**20, 1),
            "device_reserved_mb": round(torch.cuda.memory_reserved() / 2**20, 1),
        }
    return megabytes


def retried(work: Callable[[], T], shrink: Callable[[], None]) -> T:
    """Do the work, and as often as memory runs out shrink and do it again. Nothing of a failed attempt stays."""
    while True:
        try:
            return work()
        except Exception as error:
            if not out_of_memory(error):
                raise
        free()  # only here: while the error is handled, its frames hold every tensor of the attempt
        shrink()


def free() -> None:
    """Give back what nobody holds any more."""
    gc.collect()
    clear_device_cache()


def probed(attempt: Callable[[], object], mini_batch: MiniBatch, most: int) -> int:
    """The largest power of two (or all of `most` texts) with which an attempt fits: from the whole batch downwards."""
    sizes = [0, *(1 << n for n in range((most - 1).bit_length() - 1, -1, -1))] if most > 1 else [0]
    for size in sizes:
        mini_batch.set(size)
        try:
            attempt()
        except Exception as error:
            if not out_of_memory(error):
                raise
        else:
            free()
            mini_batch.start = size
            return size
        free()
    raise HaechiError(f"train: {MINI_BATCH}=auto: not even one text at a time fits into memory; set train.gradient_checkpointing")
