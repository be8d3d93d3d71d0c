"""The candidates that no training step left: soups, points between base and checkpoint, and modules of different epochs.

A merge is written, scored and removed again; how it was made is kept, so that the one that is chosen can be made once more.
"""

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np

from haechi.runtime.errors import HaechiError
from haechi.selection.choose import BASE, Candidate, Kind
from haechi.selection.scorer import ModelScorer
from haechi.selection.weights import Share, blend, modules_of, patch

Make = Callable[[Path], None]


class MergeBuilder:
    """Makes merges of model folders and has them scored by one metric."""

    def __init__(self, folders: Mapping[str, Path], scorer: ModelScorer, metric: str, scratch: Path) -> None:
        self._folders, self._scorer, self._metric, self._scratch = folders, scorer, metric, scratch
        self._makes: dict[str, Make] = {}

    def score(self, name: str) -> float:
        """A model that lies in a folder."""
        return self._scorer.score(name, self._folders[name], self._metric)

    def make(self, name: str, out: Path) -> None:
        """Make a merge once more, to stay."""
        self._makes[name](out)

    def uniform(self, names: Sequence[str]) -> list[Candidate]:
        """The mean of all."""
        return [self._mean("uniform soup", names)] if len(names) > 1 else []

    def greedy(self, names: Sequence[str]) -> list[Candidate]:
        """The mean of the best and of each that makes the mean better, taken in the order of their scores."""
        best, *rest = sorted(names, key=lambda name: (-self.score(name), name))
        soup, score = [best], self.score(best)
        for name in rest:
            trial = self._mean(" + ".join([*soup, name]), [*soup, name])
            if (mixed := self._scorer.score(trial.name, Path(), self._metric)) > score:
                soup, score = [*soup, name], mixed
        return [self._mean("greedy soup", soup)] if len(soup) > 1 else []

    def between(self, name: str, shares: Sequence[float]) -> list[Candidate]:
        """Points on the line from the base to a checkpoint, by the checkpoint's share."""
        parts = [{BASE: 1 - share, name: share} for share in shares]
        return [self._blend(f"base to {name} at {one[name]:g}", "interpolation", one) for one in parts]

    def crossover(self, names: Sequence[str], blocks: int) -> list[Candidate]:
        """Each block of layers from the checkpoint where it does best, the others as they were chosen so far."""
        best = max(sorted(names), key=self.score)
        modules = modules_of(self._folders[best])
        if len(modules) < 2:
            raise HaechiError(
                f"select: {best} is made of one module ({modules[0].partition('|')[2]}), so there is nothing to cross over; "
                "set select.crossover to 0"
            )
        chosen, score = dict.fromkeys(modules, best), self.score(best)
        for block in np.array_split(np.array(modules), min(blocks, len(modules))):
            for name in sorted(set(names) - {best}):
                trial = chosen | dict.fromkeys(map(str, block), name)
                if (crossed := self._patch(_spelled(trial), best, trial)) > score:
                    chosen, score = trial, crossed
        if set(chosen.values()) == {best}:
            return []
        self._patch("crossover", best, chosen)
        parts = {name: list(chosen.values()).count(name) / len(chosen) for name in sorted(set(chosen.values()))}
        return [Candidate("crossover", "crossover", parts)]

    def _mean(self, name: str, names: Sequence[str]) -> Candidate:
        return self._blend(name, "soup", {one: 1 / len(names) for one in names})

    def _blend(self, name: str, kind: Kind, parts: Mapping[str, float]) -> Candidate:
        shares = [Share(self._folders[one], part) for one, part in parts.items()]
        self._try(name, lambda out: blend(shares, out))
        return Candidate(name, kind, parts)

    def _patch(self, name: str, first: str, modules: Mapping[str, str]) -> float:
        folders = {module: self._folders[one] for module, one in modules.items()}
        return self._try(name, lambda out: patch(self._folders[first], folders, out))

    def _try(self, name: str, make: Make) -> float:
        self._makes[name] = make
        with TemporaryDirectory(dir=self._scratch) as folder:
            make(Path(folder) / "model")
            return self._scorer.score(name, Path(folder) / "model", self._metric)


def _spelled(modules: Mapping[str, str]) -> str:
    return "; ".join(f"{module} of {name}" for module, name in modules.items())
