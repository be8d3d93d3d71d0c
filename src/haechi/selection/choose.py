"""Which candidate becomes the model, and why, in one sentence.

All candidates are scored anew on the same pairs; what training wrote about itself is not taken on trust. A merge must earn its
place: among a dozen candidates one is ahead by chance, so it has to beat the best single checkpoint by more than a standard
error of their paired difference.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from haechi.evaluation.significance import Array, Resampler
from haechi.params.select import SelectParams

BASE = "base"
Kind = Literal["base", "checkpoint", "average", "soup", "interpolation", "crossover"]


@dataclass(frozen=True)
class Candidate:
    """A model that may be chosen."""

    name: str
    kind: Kind
    parts: Mapping[str, float]
    """What it is made of, and how much of each; one entry for a model that is no mixture."""

    @property
    def merge(self) -> bool:
        """Whether no training step had these weights."""
        return self.kind not in ("base", "checkpoint")


@dataclass(frozen=True)
class Gap:
    """A candidate against the best single checkpoint."""

    value: float
    error: float
    """Standard error of the paired difference, by groups of queries."""

    @property
    def errors(self) -> float:
        """How many standard errors it is."""
        return self.value / self.error if self.error else 0.0


@dataclass(frozen=True)
class Choice:
    """What is taken, against what, and why."""

    name: str
    single: str
    """The checkpoint that merges had to beat."""
    gaps: Mapping[str, Gap]
    why: str


def choose(
    candidates: Sequence[Candidate], columns: Mapping[str, Array], sample: Resampler, params: SelectParams, voted: str = ""
) -> Choice:
    """The base, a checkpoint, or a merge that earned it; the first of the list among equals. `voted` is the sweet spot."""
    scores = {name: float(column.mean()) for name, column in columns.items()}
    singles = [c.name for c in candidates if c.kind == "checkpoint"]
    best = max(singles, key=scores.__getitem__)
    single, why = best, f"{best} has the best {params.metric} of {_count(len(singles), 'checkpoint')}, {scores[best]:.4f}"
    if voted and voted != best:
        behind = _gap(columns[best], columns[voted], sample)
        if behind.value > params.errors * behind.error:
            why += f"; the vote's {voted} is behind it by {_told(behind)}"
        else:
            single, why = voted, f"{voted} is the sweet spot that the voters agree on; {best} is ahead by {_told(behind)} only"
    elif voted:
        why += ", and is the sweet spot that the voters agree on"
    gaps = {c.name: _gap(columns[c.name], columns[single], sample) for c in candidates if c.name != single}
    merges = [c.name for c in candidates if c.merge]
    earned = [name for name in merges if gaps[name].value > params.errors * gaps[name].error]
    chosen = max(earned, key=scores.__getitem__) if earned else single
    needed = f"more than {params.errors:g} {'is' if params.errors <= 1 else 'are'} asked for"
    if earned:
        why = f"{chosen} beats the best single checkpoint, {single}, by {_told(gaps[chosen])}; {needed}"
    elif merges:
        closest = max(merges, key=lambda name: gaps[name].errors)
        why += f"; no merge earned its place: {closest} comes closest with {_told(gaps[closest])}, and {needed}"
    if not scores[chosen] > scores[BASE] + params.min_gain:
        asked = f" by more than {params.min_gain:g}" if params.min_gain else ""
        why = f"The untuned base stays: it has {scores[BASE]:.4f}, and {chosen} with {scores[chosen]:.4f} doesn't beat it{asked}"
        chosen = BASE
    return Choice(chosen, single, gaps, f"{why}.")


def _gap(one: Array, other: Array, sample: Resampler) -> Gap:
    gaps = one - other
    return Gap(float(gaps.mean()), sample.standard_error(gaps))


def _told(gap: Gap) -> str:
    return f"{gap.value:+.4f} ({gap.errors:.1f} standard errors)"


def _count(n: int, noun: str) -> str:
    return f"{n} {noun}" if n == 1 else f"{n} {noun}s"
