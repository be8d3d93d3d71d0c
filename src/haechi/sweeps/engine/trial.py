"""A trial as everybody here sees it, whatever storage keeps it."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from hashlib import sha256
from typing import Literal

import orjson

Value = float | int | str | bool
State = Literal["running", "complete", "pruned", "failed"]
SEED = "train.seed"


@dataclass(frozen=True)
class Proposal:
    """What to run: parameters by their names in params.yaml, and what else tells one run from another."""

    params: Mapping[str, Value]
    seed: int
    kind: str = "trial"
    """`trial`; `repeat`, the same parameters with another seed; or what a method calls its own."""
    facts: Mapping[str, Value] = field(default_factory=dict)
    """More to know of it, such as its stage; no part of its identity."""

    def key(self, base: Mapping[str, str]) -> str:
        """One name for these parameters, this seed, and everything else that decides the result."""
        rest = "trial" if self.kind == "repeat" else self.kind
        numbers = {
            name: float(v) if isinstance(v, int | float) and not isinstance(v, bool) else v for name, v in self.params.items()
        }
        return sha256(orjson.dumps([numbers, self.seed, rest, base], option=orjson.OPT_SORT_KEYS)).hexdigest()[:32]


@dataclass(frozen=True)
class Trial:
    """A proposal that was begun."""

    number: int
    proposal: Proposal
    state: State
    value: float | None
    steps: Mapping[int, float]
    """Validation during training: its number, from 1 -> the metric."""
    facts: Mapping[str, object]
    """What the run left: measured figures, the name of the experiment, the error."""
    seconds: float | None = None
