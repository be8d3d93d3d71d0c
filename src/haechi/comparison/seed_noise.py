"""How much of a difference is the luck of a seed: mean and spread over revisions that differ in train.seed alone."""

import math
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class Repeated:
    """Revisions that read the same but for the seed."""

    names: tuple[str, ...]
    seeds: tuple[int | None, ...]
    mean: float
    spread: float | None
    """Standard deviation over seeds; None for a single run."""
    against: float | None = None
    """Difference of the mean from that of the first group."""
    noise: float | None = None
    """What seeds alone make of such a difference, in 95 of 100 cases."""

    @property
    def within_noise(self) -> bool:
        """A difference that seeds alone would make."""
        return self.against is not None and self.noise is not None and abs(self.against) <= self.noise


@dataclass(frozen=True)
class SeedNoise:
    """Groups of repeated runs, that of the first revision first."""

    spread: float
    """Pooled standard deviation over seeds."""
    degrees: int
    groups: tuple[Repeated, ...]


def seed_noise(runs: Sequence[tuple[str, str, int | None, float]]) -> SeedNoise | None:
    """From (name, what training read, seed, figure); None where no training was repeated with another seed."""
    groups: dict[str, dict[int | None, tuple[str, float]]] = defaultdict(dict)
    for name, training, seed, value in runs:
        groups[training].setdefault(seed, (name, value))  # the same seed twice is the same run, not a second one
    means = {key: _mean([value for _, value in group.values()]) for key, group in groups.items()}
    squares = sum((value - means[key]) ** 2 for key, group in groups.items() for _, value in group.values())
    degrees = sum(len(group) - 1 for group in groups.values())
    if not degrees:
        return None
    from scipy.special import stdtrit

    spread = math.sqrt(squares / degrees)
    reach = float(stdtrit(degrees, 0.975)) * spread
    first = next(iter(groups))
    repeated = []
    for key, group in groups.items():
        own = [value for _, value in group.values()]
        deviation = math.sqrt(sum((v - means[key]) ** 2 for v in own) / (len(own) - 1)) if len(own) > 1 else None
        compared = key != first
        repeated.append(
            Repeated(
                tuple(name for name, _ in group.values()),
                tuple(group),
                means[key],
                deviation,
                means[key] - means[first] if compared else None,
                reach * math.sqrt(1 / len(own) + 1 / len(groups[first])) if compared else None,
            )
        )
    return SeedNoise(spread, degrees, tuple(repeated))


def _mean(values: Sequence[float]) -> float:
    return sum(values) / len(values)
