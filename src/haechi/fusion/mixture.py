"""A mixture of searches: a weight for each term of signals, and what each signal gave to a score. Kept as readable JSON."""

from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Literal

import numpy as np

from haechi.fusion.signals import FIRST, Array, Candidates, Known, candidates
from haechi.retrieval.run import Run
from haechi.runtime.files import read_record, write_json
from haechi.scoring.names import BM25, TUNED

VERSION = 1
Form = Literal["constant", "scores", "classes"]
"""From the simplest to the most elaborate: one weight; searches and titles; these and what training cites."""


@dataclass(frozen=True)
class Mixture:
    """What models/fusion.json holds."""

    form: Form
    weights: Mapping[str, float]
    """Term -> weight; a term is a signal, or several signals multiplied: `tuned*seen`."""
    why: str = ""
    """Why this form, in one sentence."""
    made_of: Mapping[str, str] = field(default_factory=dict)
    """Each encoder -> the hash of the model; `corpus` and `params` -> theirs. Weights for these are none for others."""
    places: Mapping[str, str] = field(default_factory=dict)
    """Each encoder but the tuned one -> the folder, alias or hub id that it is loaded from."""
    max_length: int = 0
    """Tokens that the further encoders read of a text; 0 is as many as each can."""
    labels: Mapping[str, int] = field(default_factory=dict)
    """Kind of validation query -> how many it was fitted on."""
    validation: Mapping[str, Mapping[str, float]] = field(default_factory=dict)
    """Form -> its figure on validation, each query scored by weights that were fitted without it, and what the best is ahead."""
    cited: Mapping[str, int] = field(default_factory=dict)
    """Article -> how often it is an answer in training."""
    version: int = VERSION

    def scores(self, found: Candidates) -> Array:
        """The score of each article; terms of a signal that is missing are left out."""
        terms = self._usable(found)
        return np.asarray(found.matrix(terms) @ np.array([self.weights[term] for term in terms], dtype=np.float64))

    def parts(self, found: Candidates) -> dict[str, Array]:
        """What each signal gave to each score; they sum up to it. A product counts for its first signal."""
        given: dict[str, Array] = {}
        for term in self._usable(found):
            signal = term.partition("*")[0].removesuffix(FIRST)
            given[signal] = given.get(signal, np.zeros(len(found.ids))) + self.weights[term] * found.product(term)
        return given

    def missing(self, systems: Iterable[str]) -> list[str]:
        """The searches that it weighs and that are not among these."""
        return sorted({*self.made_of, BM25} & {term.partition("*")[0] for term in self.weights} - set(systems))

    def _usable(self, found: Candidates) -> list[str]:
        return [term for term in self.weights if found.signals.keys() >= set(term.split("*"))]


EVEN = Mixture("constant", {BM25: 0.5, TUNED: 0.5})
"""What is used where nothing was fitted."""


def mixed(mixture: Mixture, texts: Mapping[str, str], runs: Mapping[str, Run], known: Known, depth: int) -> Run:
    """The list of each query, out of the lists of all systems."""
    lists: dict[str, list[tuple[str, float]]] = {}
    for query_id, text in texts.items():
        found = candidates(text, {system: run[query_id] for system, run in runs.items()}, known)
        lists[query_id] = list(zip(found.ids, mixture.scores(found).tolist(), strict=True))
    return Run(lists, depth)


def ranked(found: Candidates, mixture: Mixture, depth: int) -> Run:
    """The list of one query, under the id ""."""
    return Run({"": list(zip(found.ids, mixture.scores(found).tolist(), strict=True))}, depth)


def told(mixture: Mixture) -> dict[str, Any]:
    """What the figures of an evaluation say of it."""
    return {"form": mixture.form, "why": mixture.why, "labels": dict(mixture.labels), "validation": dict(mixture.validation)}


def write_mixture(path: Path, mixture: Mixture) -> None:
    """As JSON that a person can read."""
    write_json(path, asdict(mixture))


def read_mixture(path: Path) -> Mixture:
    """The mixture of a file."""
    return read_record(path, Mixture, "a mixture of searches")
