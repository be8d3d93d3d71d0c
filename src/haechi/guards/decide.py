"""What to do next, given what has happened: a pure function of the history's rows and the rules.

Whatever the rows hold, exactly one action follows.
"""

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Literal

from haechi.guards.history import HistoryRow
from haechi.guards.rules import Rule
from haechi.runtime.errors import HaechiError
from haechi.text.bilingual import Words

Rows = Sequence[HistoryRow]

STRENGTH = ("continue", "lower_lr", "rollback", "stop")
"""When several rules fire, the strongest action is taken."""
AVERAGED = 3
"""Rows of the log that make a level of the training loss: a single batch says little."""


@dataclass(frozen=True)
class Decision:
    """What to do, which rule says so, and why."""

    action: Literal["continue", "lower_lr", "rollback", "stop"]
    rule: str = ""
    reason: Words | None = None


def decide(history: Rows, rules: Sequence[Rule]) -> Decision:
    """The strongest of what the rules ask for; `continue` if none of them does."""
    wanted = [decision for decision in fired(history, rules) if decision.action != "continue"]
    return max(wanted, key=lambda decision: STRENGTH.index(decision.action), default=Decision("continue"))


def fired(history: Rows, rules: Sequence[Rule]) -> list[Decision]:
    """Every rule that fires now, those too that are only noted (`continue`), in the order of the rules."""
    if not history:
        raise HaechiError("guards: the history is empty; there is nothing to decide on before the first row")
    fresh = _since_last_event(history)
    decisions = []
    for rule in rules:
        if reason := RULES[rule.name](history, fresh, rule):
            action = rule.action
            decisions.append(Decision("continue" if action == "note" or action == "ignore" else action, rule.name, reason))
    return decisions


def series(rows: Rows, key: str) -> list[tuple[int, float]]:
    """(step, value) of every row that holds a finite value."""
    values = ((row.step, row.figures.get(key)) for row in rows)
    return [(step, float(value)) for step, value in values if value is not None and math.isfinite(value)]


def level(rows: Rows, step: int) -> float | None:
    """The training loss around a step: the mean of the last rows of the log up to it."""
    losses = [loss for at, loss in series(rows, "loss") if at <= step][-AVERAGED:]
    return sum(losses) / len(losses) if losses else None


def _since_last_event(history: Rows) -> Rows:
    """After the rate was lowered or weights were put back, patience starts anew."""
    events = [i for i, row in enumerate(history) if row.event]
    return history[events[-1] + 1 :] if events else history


def _non_finite(history: Rows, fresh: Rows, rule: Rule) -> Words | None:
    broken = [key for key, value in history[-1].figures.items() if value is None or not math.isfinite(value)]
    last = history[-1].step
    if broken:
        return Words(f"{broken[0]} is not finite at step {last}", f"{last}스텝에서 {broken[0]} 값이 유한하지 않습니다")
    skipped = {row.step for row in fresh if row.skipped}
    streak = 0
    while last - streak in skipped:
        streak += 1
    if streak < rule.patience:
        return None
    return Words(
        f"{streak} steps in a row were skipped, because loss or gradients were not finite",
        f"손실이나 기울기가 유한하지 않아 {streak}스텝을 연달아 건너뛰었습니다",
    )


def _divergence(history: Rows, fresh: Rows, rule: Rule) -> Words | None:
    losses = series(history, "loss")
    last = [value for _, value in series(fresh, "loss")][-rule.patience :]
    if len(losses) <= rule.patience or len(last) < rule.patience:
        return None
    start = losses[0][1]
    if min(last) <= start + rule.tolerance * abs(start):
        return None
    return Words(
        f"the training loss ({last[-1]:.4g}) is above where it started ({start:.4g}), {rule.patience} times in a row",
        f"학습 손실({last[-1]:.4g})이 처음({start:.4g})보다 {rule.patience}번 연달아 높았습니다",
    )


def _collapse(history: Rows, fresh: Rows, rule: Rule) -> Words | None:
    last = [value for _, value in series(fresh, rule.metric)][-rule.patience :]
    if len(last) < rule.patience or min(last) <= rule.bound:
        return None
    return Words(
        f"any two passages have a mean cosine of {last[-1]:.3f}, above {rule.bound:g}: the embeddings collapse",
        f"임의의 두 청크의 평균 코사인 유사도({last[-1]:.3f})가 기준 {rule.bound:g}보다 높아 임베딩이 붕괴한 상태입니다",
    )


def _overfitting(history: Rows, fresh: Rows, rule: Rule) -> Words | None:
    points = series(fresh, rule.metric)
    if not points:
        return None
    step, value = points[-1]
    if rule.bound and value > rule.bound:
        return Words(
            f"the validation loss is {value:.4g}, above {rule.bound:g}",
            f"검증 손실({value:.4g})이 기준 {rule.bound:g}보다 높습니다",
        )
    lowest_at, lowest = min(points, key=lambda pair: pair[1])
    last = points[-rule.patience :]
    if (
        len(points) <= rule.patience
        or lowest_at >= last[0][0]
        or min(v for _, v in last) <= lowest + rule.tolerance * abs(lowest)
    ):
        return None
    before, now = level(history, lowest_at), level(history, step)
    if before is None or now is None or now >= before:
        return None
    return Words(
        f"the validation loss rose from {lowest:.4g} (step {lowest_at}) to {value:.4g} while the training loss fell "
        f"from {before:.4g} to {now:.4g}",
        f"검증 손실은 올랐는데({lowest_at}스텝 {lowest:.4g} → {value:.4g}) 학습 손실은 내렸습니다({before:.4g} → {now:.4g})",
    )


def _gap(history: Rows, fresh: Rows, rule: Rule) -> Words | None:
    last = series(fresh, rule.metric)[-rule.patience :]
    gaps = [value - trained for step, value in last if (trained := level(history, step)) is not None]
    if len(gaps) < rule.patience or min(gaps) <= rule.bound:
        return None
    return Words(
        f"the validation loss is {gaps[-1]:.4g} above the training loss, more than {rule.bound:g}",
        f"검증 손실과 학습 손실의 차이({gaps[-1]:.4g})가 기준 {rule.bound:g}보다 큽니다",
    )


def _degradation(history: Rows, fresh: Rows, rule: Rule) -> Words | None:
    last = [value for _, value in series(fresh, rule.metric)][-rule.patience - 1 :]
    if len(last) <= rule.patience or any(before - after <= rule.tolerance for before, after in pairwise(last)):
        return None
    name, first, final = _name(rule), f"{last[0]:.4f}", f"{last[-1]:.4f}"
    return Words(
        f"{name.en} fell {rule.patience} times in a row, from {first} to {final}",
        f"{name.ko} 값이 {rule.patience}번 연달아 내렸습니다({first} → {final})",
    )


def _early_stopping(history: Rows, fresh: Rows, rule: Rule) -> Words | None:
    points = series(fresh, rule.metric)
    if len(points) <= rule.patience:
        return None
    best_at, best = max(points[: -rule.patience], key=lambda pair: (pair[1], -pair[0]))
    if max(value for _, value in points[-rule.patience :]) > best + rule.tolerance:
        return None
    name = _name(rule)
    return Words(
        f"{name.en} has not been better than {best:.4f} (step {best_at}) for {rule.patience} validations",
        f"검증을 {rule.patience}번 하는 동안 {name.ko} 값이 {best:.4f}({best_at}스텝)보다 나아지지 않았습니다",
    )


def _stall(history: Rows, fresh: Rows, rule: Rule) -> Words | None:
    last = [value for _, value in series(fresh, rule.metric)][-rule.patience - 1 :]
    if len(last) <= rule.patience or max(last) - min(last) > rule.tolerance * abs(sum(last) / len(last)):
        return None
    name = _name(rule)
    return Words(
        f"{name.en} has stayed at {last[-1]:.4g} for {rule.patience} times",
        f"{name.ko} 값이 {rule.patience}번 {last[-1]:.4g}에 머물렀습니다",
    )


def _name(rule: Rule) -> Words:
    names = {
        "loss": Words("the training loss", "학습 손실"),
        "active_triplets": Words("the share of active triplets", "활성 트리플릿 비율"),
        "valid_loss": Words("the validation loss", "검증 손실"),
    }
    metric = rule.metric.removeprefix("valid_")
    return names.get(rule.metric, Words(f"validation {metric}", f"검증 {metric}"))


RULES: Mapping[str, Callable[[Rows, Rows, Rule], Words | None]] = {
    "non_finite": _non_finite,
    "divergence": _divergence,
    "collapse": _collapse,
    "overfitting": _overfitting,
    "gap": _gap,
    "degradation": _degradation,
    "early_stopping": _early_stopping,
    "stall": _stall,
}
"""Each gives a reason where it fires, else nothing; given the history, its part since the last event, and the rule."""
