"""Does every module learn what it should? Looked at in a few optimizer steps, by module, whatever the accumulation.

Before the first step: is every weight that is to be trained in exactly one group of the optimizer, are there as many parameters
as expected. In a look: gradient norms before and after clipping, and the step as a share of the weights' size.
At the end: which frozen modules moved all the same.
"""

import hashlib
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn
from transformers import TrainerCallback, TrainerControl, TrainerState, TrainingArguments

from haechi.guards.verdict import Module
from haechi.models.load import weight_bytes
from haechi.runtime.errors import HaechiError
from haechi.runtime.files import read_json, read_records, write_json, write_jsonl
from haechi.training.retry import StepRecord

LOOKS = 16
"""Looks in a run, evenly spread over its steps."""
SAMPLE = 1 << 14
"""Elements of a tensor whose movement stands for that of all."""
DEPTH = 3
"""Parts of a weight's name that name its module, where no layer number comes earlier."""
IDLE = ("pooler",)
"""What transformers brings along and sentence-transformers leaves out: it gets no gradient, and that is right."""
LOOKED, FROZEN = "modules.jsonl", "monitor.json"
Weights = dict[str, list[tuple[str, nn.Parameter]]]


def module_of(name: str) -> str:
    """The module that a weight is counted with: its layer, or the first parts of its name."""
    parts = name.split(".")[:-1]
    layer = next((i for i, part in enumerate(parts) if i and part.isdigit()), None)
    return ".".join(parts[: layer + 1] if layer else parts[:DEPTH]) or name


def weights_of(model: nn.Module) -> Weights:
    """Module -> its named weights; a weight that several modules share stands with the first."""
    weights: defaultdict[str, list[tuple[str, nn.Parameter]]] = defaultdict(list)
    for name, weight in model.named_parameters():
        weights[module_of(name)].append((name, weight))
    return dict(weights)


def check_counts(model: nn.Module, expected: Mapping[str, int]) -> None:
    """Compare the parameters of named modules (`total`, `trained`, or a part of the names of weights) with what was expected."""
    named = dict(model.named_parameters())
    for place, wanted in expected.items():
        if place in ("total", "trained"):
            chosen = [weight for weight in named.values() if place == "total" or weight.requires_grad]
        else:
            chosen = [weight for name, weight in named.items() if name == place or name.startswith(f"{place}.")]
            if not chosen:
                raise HaechiError(
                    f"train.expected_params: no module is named {place!r}; there are {', '.join(weights_of(model))}"
                )
        number = sum(weight.numel() for weight in chosen)
        if number != wanted:
            raise HaechiError(f"train.expected_params: {place} has {number} parameters, not {wanted}")


def check_groups(model: nn.Module, optimizer: Any) -> None:
    """Every weight that is to be trained must be in exactly one group of the optimizer."""
    seen = Counter(id(weight) for group in optimizer.param_groups for weight in group["params"])
    left = [name for name, weight in model.named_parameters() if weight.requires_grad and not seen[id(weight)]]
    twice = [name for name, weight in model.named_parameters() if seen[id(weight)] > 1]
    if left:
        raise HaechiError(f"train: to be trained, and in no group of the optimizer: {_some(left)}")
    if twice:
        raise HaechiError(f"train: in two groups of the optimizer: {_some(twice)}")


class Monitor(TrainerCallback):
    """Looks at the modules of a model while it is trained; `record` has the gradient norm before clipping."""

    def __init__(self, model: nn.Module, steps: int, expected: Mapping[str, int], record: StepRecord) -> None:
        self._model, self._expected, self._record = model, expected, record
        self._at = {max(1, round(steps * (i + 1) / LOOKS)) for i in range(LOOKS)} | {1}
        self._before: dict[str, list[Tensor]] = {}
        self._frozen: dict[str, str] = {}
        self._weights: Weights = {}
        self.rows: list[dict[str, Any]] = []

    def on_train_begin(self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **kwargs: Any) -> None:
        """Everything that can be known before the first step."""
        check_counts(self._model, self._expected)
        check_groups(self._model, kwargs["optimizer"])
        self._weights = weights_of(self._model)
        self._frozen = self._frozen or self._fingerprints()

    def on_pre_optimizer_step(self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **kwargs: Any) -> None:
        """Gradients are summed up and clipped, and no weight has moved yet."""
        if state.global_step + 1 not in self._at:
            return
        clipped = _norms(self._weights)
        total = sum(value**2 for value in clipped.values()) ** 0.5
        norm = self._record.norm
        scale = norm / total if norm and total else 1.0  # clipping scales all gradients alike
        self._before = {
            module: [_part(w).clone() for _, w in named if w.requires_grad] for module, named in self._weights.items()
        }
        self.rows += [
            {"step": state.global_step + 1, "module": module, "gradient": _round(size * scale), "clipped": _round(size)}
            for module, size in clipped.items()
        ]

    def on_optimizer_step(self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **kwargs: Any) -> None:
        """The weights have moved."""
        if not self._before:
            return
        ratios = _ratios(self._weights, self._before)
        self._before = {}
        for row in self.rows:
            if row["step"] == state.global_step + 1:
                row["update_to_weight"] = _round(ratios[row["module"]])

    def modules(self) -> list[Module]:
        """What was seen of each module; reads all frozen weights once more."""
        frozen, now = self._frozen, self._fingerprints()
        seen: defaultdict[str, list[dict[str, Any]]] = defaultdict(list)
        for row in self.rows:
            seen[row["module"]].append(row)
        modules = []
        for name, weights in weights_of(self._model).items():
            size = sum(weight.numel() for _, weight in weights)
            trained = sum(weight.numel() for _, weight in weights if weight.requires_grad)
            gradient = any(row["gradient"] != 0 for row in seen[name])
            moved = any(row.get("update_to_weight", 0) != 0 for row in seen[name])
            idle = any(part in IDLE for part in name.split("."))
            shifted = frozen.get(name) != now.get(name)
            if trained and shifted:  # partly frozen: what was not to move did
                modules.append(Module(f"{name} (its frozen part)", size - trained, 0, False, True))
            modules.append(Module(name, size, trained, gradient, moved if trained else shifted, idle))
        return modules

    def save(self, folder: Path) -> None:
        """Put what was seen into the folder of a state."""
        write_jsonl(folder / LOOKED, self.rows)
        write_json(folder / FROZEN, self._frozen)

    def load(self, folder: Path) -> None:
        """Bring it back."""
        self.rows = list(read_records(folder / LOOKED, dict))
        self._frozen = read_json(folder / FROZEN)

    def _fingerprints(self) -> dict[str, str]:
        """Module -> sha256 of its frozen weights, where it has any."""
        fingerprints = {}
        for module, weights in weights_of(self._model).items():
            if still := [weight for _, weight in weights if not weight.requires_grad]:
                digest = hashlib.sha256()
                for weight in still:
                    digest.update(weight_bytes(weight))
                fingerprints[module] = digest.hexdigest()
        return fingerprints


def _norms(weights: Weights) -> dict[str, float]:
    """Norm of the gradients of each module that has weights to train; one transfer from the device for all."""
    owners, gradients = _with_owner(weights, lambda weight: weight.grad if weight.requires_grad else None)
    norms = torch.stack(torch._foreach_norm(gradients)).double().tolist() if gradients else []
    squares = dict.fromkeys((module for module, named in weights.items() if any(w.requires_grad for _, w in named)), 0.0)
    for owner, norm in zip(owners, norms, strict=True):
        squares[owner] += norm**2
    return {module: square**0.5 for module, square in squares.items()}


def _with_owner(weights: Weights, pick: Any) -> tuple[list[str], list[Tensor]]:
    owned = [(module, tensor) for module, named in weights.items() for _, w in named if (tensor := pick(w)) is not None]
    return [module for module, _ in owned], [tensor for _, tensor in owned]


def _ratios(weights: Weights, before: Mapping[str, list[Tensor]]) -> dict[str, float]:
    """Size of the step as a share of the size of the weights, on the same elements."""
    ratios = {}
    for module, old in before.items():
        new = [_part(weight) for _, weight in weights[module] if weight.requires_grad]
        moved = sum((torch.sum((n.detach().float() - o.float()) ** 2) for n, o in zip(new, old, strict=True)), torch.zeros(()))
        size = sum((torch.sum(o.float() ** 2) for o in old), torch.zeros(()))
        ratios[module] = float((moved / size.clamp(min=torch.finfo(torch.float32).tiny)).sqrt())
    return ratios


def _part(weight: Tensor) -> Tensor:
    """Evenly spread elements of a weight; an odd stride, so that no column is met again and again."""
    flat = weight.detach().reshape(-1)
    return flat[:: max(1, flat.numel() // SAMPLE) | 1]


def _round(value: float) -> float:
    return float(f"{value:.6g}")


def _some(names: Iterable[str]) -> str:
    first, more = list(names)[:5], len(list(names)) - 5
    return ", ".join(first) + (f" and {more} more" if more > 0 else "")
