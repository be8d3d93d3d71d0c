"""Which candidate becomes the model, and why, in one sentence of each language.

All candidates are scored anew on the same pairs; what training wrote about itself is not taken on trust. A merge must earn its
place: among a dozen candidates one is ahead by chance, so it has to beat the best single checkpoint by more than a standard
error of their paired difference.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from haechi.scoring.significance import Array, Resampler
from haechi.selection.params import SelectParams
from haechi.text.bilingual import CLAUSES, Words, joined

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
    why: Words


def choose(
    candidates: Sequence[Candidate], columns: Mapping[str, Array], sample: Resampler, params: SelectParams, voted: str = ""
) -> Choice:
    """The base, a checkpoint, or a merge that earned it; the first of the list among equals. `voted` is the sweet spot."""
    scores = {name: float(column.mean()) for name, column in columns.items()}
    singles = [c.name for c in candidates if c.kind == "checkpoint"]
    if params.min_gain < 0:
        return _last_that_costs_little(singles, scores, columns, sample, params)
    best = max(singles, key=scores.__getitem__)
    single, why = best, _best(best, scores[best], len(singles), params.metric)
    if voted and voted != best:
        behind = _gap(columns[best], columns[voted], sample)
        if behind.value > params.errors * behind.error:
            why = joined([why, _behind(voted, behind)], CLAUSES)
        else:
            single, why = voted, _spot(voted, best, behind)
    elif voted:
        why = joined([why, Words("the voters agree on it as the sweet spot", "투표로 뽑힌 스위트 스팟이기도 합니다")], CLAUSES)
    gaps = {c.name: _gap(columns[c.name], columns[single], sample) for c in candidates if c.name != single}
    merges = [c.name for c in candidates if c.merge]
    earned = [name for name in merges if gaps[name].value > params.errors * gaps[name].error]
    chosen = max(earned, key=scores.__getitem__) if earned else single
    if earned:
        why = _earned(chosen, single, gaps[chosen], params.errors)
    elif merges:
        closest = max(merges, key=lambda name: gaps[name].errors)
        why = joined([why, _unearned(closest, gaps[closest], params.errors)], CLAUSES)
    if not scores[chosen] > scores[BASE] + params.min_gain:
        why = _stays(chosen, scores[chosen], scores[BASE], params.min_gain)
        chosen = BASE
    return Choice(chosen, single, gaps, Words(f"{why.en}.", f"{why.ko}."))


def _last_that_costs_little(
    singles: Sequence[str], scores: Mapping[str, float], columns: Mapping[str, Array], sample: Resampler, params: SelectParams
) -> Choice:
    """For an update: what it learns of new documents no validation query sees, so the longest training that spoils nothing."""
    allowed = [name for name in singles if scores[name] > scores[BASE] + params.min_gain]
    chosen, most = allowed[-1] if allowed else BASE, -params.min_gain
    single = chosen if allowed else max(singles, key=scores.__getitem__)
    gaps = {name: _gap(columns[name], columns[single], sample) for name in columns if name != single}
    en, ko = f"{scores[single]:.4f}, the base {scores[BASE]:.4f}", f"{scores[single]:.4f}, 기본 모델 {scores[BASE]:.4f}"
    why = Words(
        f"{single} is the last checkpoint that costs less than {most:g} of {params.metric} ({en})",
        f"{single}: {params.metric}의 손실이 {most:g}보다 작은 마지막 체크포인트입니다({ko})",
    )
    if not allowed:
        why = Words(
            f"The untuned base stays: every checkpoint costs {most:g} of {params.metric} or more ({single} {en})",
            f"기본 모델을 그대로 씁니다. 모든 체크포인트가 {params.metric}을 {most:g} 이상 잃습니다({single} {ko})",
        )
    return Choice(chosen, single, gaps, Words(f"{why.en}.", f"{why.ko}."))


def _best(name: str, score: float, count: int, metric: str) -> Words:
    return Words(
        f"{name} has the best {metric} of {count} checkpoint{'' if count == 1 else 's'}, {score:.4f}",
        f"{name}: 체크포인트 {count}개 가운데 {metric} 값이 가장 높습니다({score:.4f})",
    )


def _behind(voted: str, gap: Gap) -> Words:
    difference = _difference(gap)
    return Words(f"the vote's {voted} is behind it by {difference.en}", f"투표로 뽑힌 {voted}보다 {difference.ko} 높습니다")


def _spot(voted: str, best: str, gap: Gap) -> Words:
    difference = _difference(gap)
    return Words(
        f"{voted} is the sweet spot that the voters agree on; {best} is ahead by {difference.en} only",
        f"{voted}: 투표로 뽑힌 스위트 스팟이며, 점수가 가장 높은 {best}와의 차이는 {difference.ko}뿐입니다",
    )


def _earned(chosen: str, single: str, gap: Gap, errors: float) -> Words:
    difference, needed = _difference(gap), _needed(errors)
    return Words(
        f"{chosen} beats the best single checkpoint, {single}, by {difference.en}; {needed.en}",
        f"{chosen}: 단일 체크포인트 가운데 가장 좋은 {single}보다 {difference.ko} 높습니다. {needed.ko}",
    )


def _unearned(closest: str, gap: Gap, errors: float) -> Words:
    difference, needed = _difference(gap), _needed(errors)
    return Words(
        f"no merge earned its place: {closest} comes closest with {difference.en}, and {needed.en}",
        f"병합 모델 가운데 기준을 넘은 것은 없습니다(가장 가까운 것은 {closest}, {difference.ko}). {needed.ko}",
    )


def _stays(chosen: str, score: float, base: float, min_gain: float) -> Words:
    en, ko = (f" by more than {min_gain:g}", f" {min_gain:g} 넘게") if min_gain else ("", "")
    return Words(
        f"The untuned base stays: it has {base:.4f}, and {chosen} with {score:.4f} doesn't beat it{en}",
        f"기본 모델을 그대로 씁니다. {chosen}의 점수({score:.4f})가 기본 모델({base:.4f})보다{ko} 높지 않습니다",
    )


def _needed(errors: float) -> Words:
    return Words(
        f"more than {errors:g} {'is' if errors <= 1 else 'are'} asked for", f"기준은 표준 오차의 {errors:g}배보다 큰 차이입니다"
    )


def _gap(one: Array, other: Array, sample: Resampler) -> Gap:
    gaps = one - other
    return Gap(float(gaps.mean()), sample.standard_error(gaps))


def _difference(gap: Gap) -> Words:
    errors = f"{abs(gap.errors):.1f}"
    return Words(f"{gap.value:+.4f} ({errors} standard errors)", f"{gap.value:+.4f}(표준 오차의 {errors}배)")
