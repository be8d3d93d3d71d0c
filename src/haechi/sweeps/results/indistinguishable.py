"""Which of several settings can't be distinguished from the best, given runs with repeated seeds.

Runs of different settings with one seed share their batches, so settings are compared seed by seed. The spread of what is left
after each setting's and each seed's own level is the noise. The best one was picked after looking, so its lead is judged by the
studentized range (Tukey and Kramer): how far apart the extremes of as many equally good settings would lie by chance.
"""

import math
from collections.abc import Hashable, Mapping
from dataclasses import dataclass
from functools import cache
from typing import Generic, TypeVar

import numpy as np

K = TypeVar("K", bound=Hashable)
Runs = Mapping[K, Mapping[int, float]]
"""Setting -> seed -> score; higher is better."""

CONFIDENCE = 0.95


@dataclass(frozen=True)
class Noise:
    """Standard deviation of a run by its seed alone, and how many degrees of freedom that figure has."""

    spread: float
    degrees: int


@dataclass(frozen=True)
class Standing(Generic[K]):
    """One setting beside the best."""

    name: K
    mean: float
    """Over the seeds that the best ran with: its mean less `behind`, so that luck with a seed doesn't show."""
    runs: int
    behind: float
    """How much worse than the best, over the seeds that both ran."""
    reach: float
    """So much the extremes of equally good settings lie apart by chance; infinite where there is no measure of noise."""

    @property
    def tied(self) -> bool:
        """Whether it can't be distinguished from the best."""
        return self.behind < self.reach


def noise(runs: Runs[K]) -> Noise:
    """What settings and seeds don't explain, over the settings that ran with several seeds."""
    repeated = {name: scores for name, scores in runs.items() if len(scores) > 1}
    seeds = sorted({seed for scores in repeated.values() for seed in scores})
    names = list(repeated)
    cells = [(names.index(name), seeds.index(seed), value) for name in names for seed, value in repeated[name].items()]
    if not cells:
        return Noise(math.inf, 0)
    design = np.zeros((len(cells), len(names) + len(seeds)))
    for row, (name, seed, _) in enumerate(cells):
        design[row, name] = design[row, len(names) + seed] = 1.0
    values = np.array([value for _, _, value in cells])
    solution, _, rank, _ = np.linalg.lstsq(design, values, rcond=None)
    degrees = len(cells) - int(rank)
    if not degrees:
        return Noise(math.inf, 0)
    return Noise(math.sqrt(float(((values - design @ solution) ** 2).sum()) / degrees), degrees)


def standings(runs: Runs[K], confidence: float = CONFIDENCE) -> list[Standing[K]]:
    """All settings, the best first: the one with the highest mean among those that ran with the most seeds.

    With a single setting, or without any repeated seed, nothing can be distinguished.
    """
    if not runs:
        return []
    seeds_noise, most = noise(runs), max(len(scores) for scores in runs.values())
    means = {name: sum(scores.values()) / len(scores) for name, scores in runs.items()}
    best = max((name for name in runs if len(runs[name]) == most), key=lambda name: means[name])
    extremes = _extremes(confidence, len(runs), seeds_noise.degrees) if seeds_noise.degrees and len(runs) > 1 else math.inf

    def beside(name: K) -> Standing[K]:
        shared = sorted(runs[best].keys() & runs[name].keys())
        behind = sum(runs[best][seed] - runs[name][seed] for seed in shared) / len(shared) if shared else 0.0
        # a difference of two means of n runs has the error spread * sqrt(2 / n), which the table's figure holds without the 2
        reach = extremes * seeds_noise.spread / math.sqrt(len(shared)) if shared and math.isfinite(extremes) else math.inf
        return Standing(name, means[best] - behind, len(runs[name]), behind, 0.0 if name == best else reach)

    ranked = sorted((beside(name) for name in runs if name != best), key=lambda standing: (-standing.runs, -standing.mean))
    top = beside(best)
    return [Standing(best, top.mean, top.runs, 0.0, math.inf), *ranked]


def seed_levels(runs: Runs[K]) -> dict[int, float]:
    """What each seed does to all settings alike, on average 0; seeds that nobody repeated are left out."""
    repeated = [scores for scores in runs.values() if len(scores) > 1]
    seeds = sorted({seed for scores in repeated for seed in scores})
    gaps = {seed: [scores[seed] - sum(scores.values()) / len(scores) for scores in repeated if seed in scores] for seed in seeds}
    return {seed: sum(values) / len(values) for seed, values in gaps.items()}


def interval(runs: Runs[K], name: K, confidence: float = CONFIDENCE) -> tuple[float, float]:
    """Where the mean of one setting lies, as far as seeds go."""
    seeds_noise, scores = noise(runs), list(runs[name].values())
    mean = sum(scores) / len(scores)
    if not seeds_noise.degrees:
        return (-math.inf, math.inf)
    from scipy.special import stdtrit

    reach = float(stdtrit(seeds_noise.degrees, (1 + confidence) / 2)) * seeds_noise.spread / math.sqrt(len(scores))
    return (mean - reach, mean + reach)


@cache
def _extremes(confidence: float, settings: int, degrees: int) -> float:
    from scipy.stats import studentized_range

    return float(studentized_range.ppf(confidence, settings, degrees))
