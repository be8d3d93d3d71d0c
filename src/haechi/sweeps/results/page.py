"""The page of a sweep: one HTML file in two languages with its pictures in it, which opens without a network.

It comes up in the language that was chosen on any page of haechi's, else in the browser's; without its script in English.
"""

import math
import re
from collections import Counter
from collections.abc import Mapping, Sequence
from html import unescape
from pathlib import Path
from typing import Any

import jinja2
from markupsafe import Markup

from haechi.report import style
from haechi.report.style import by_logarithm, script_hash
from haechi.runtime.files import read_text
from haechi.scoring.names import COLOURS
from haechi.sweeps.engine.config import Axis, Sweep
from haechi.sweeps.engine.trial import Trial
from haechi.sweeps.results.leaderboard import Leaderboard

TEMPLATE = Path(__file__).with_name("page.html")
SCRIPT = Path(__file__).with_name("page.js")
KOREAN = {
    "complete": "완료",
    "pruned": "중단",
    "failed": "실패",
    "running": "진행 중",
    "trial": "시도",
    "validation": "검증 점수",
    "best so far": "최고 점수",
    "score": "점수",
    "share of the differences": "점수 차이에 대한 기여도",
    "History": "시도별 점수",
    "The score of every trial in order; of a pruned one, its last score before it was stopped.": (
        "시도한 순서대로 점수를 표시합니다. 중단한 시도는 중단 직전의 점수입니다."
    ),
    "Importance of parameters": "파라미터 중요도",
    "How much of the differences between trials each parameter explains (fANOVA); a rough guess when trials are few.": (
        "시도 간 점수 차이를 각 파라미터가 얼마나 설명하는지 나타냅니다(fANOVA). 시도가 적으면 대략적인 값입니다."
    ),
    "Parameters side by side": "파라미터 조합",
    "Each line is a trial, from its parameters to its score; darker is better. Dots beyond an end are outside the range.": (
        "선 하나가 시도 하나이며, 파라미터 값에서 점수까지 이어집니다. 진할수록 점수가 좋습니다. "
        "축 끝을 벗어난 점은 범위 밖의 값입니다."
    ),
    "Each parameter": "파라미터별 점수",
    "The score by each parameter alone, regardless of the others.": (
        "다른 파라미터와 상관없이 각 파라미터 값과 점수의 관계를 표시합니다."
    ),
}
"""What stands on the page and in its pictures -> in Korean."""


def page(sweep: Sweep, trials: Sequence[Trial], board: Leaderboard, importance: Mapping[str, float]) -> str:
    """The whole page."""
    own = [trial for trial in trials if trial.value is not None]
    history_text, importance_text, parallel_text, slices_text = (text for text in KOREAN if text.endswith("."))
    pictures = []
    if own:
        pictures.append(("History", history_text, history(own, sweep.goal)))
    if importance:
        pictures.append(("Importance of parameters", importance_text, bars(importance)))
    if own:
        pictures.append(("Parameters side by side", parallel_text, parallel(own, sweep)))
        pictures.append(("Each parameter", slices_text, slices(own, sweep)))
    script = read_text(SCRIPT)
    environment = jinja2.Environment(autoescape=True, undefined=jinja2.StrictUndefined)
    count = Counter(trial.state for trial in trials)
    return environment.from_string(read_text(TEMPLATE)).render(
        sweep=sweep,
        script=script,
        script_hash=script_hash(script),
        board=board,
        names=list(sweep.parameters),
        counts=[(state, count[state]) for state in ("complete", "pruned", "failed", "running") if count[state]],
        pictures=pictures,
        failed=[trial for trial in trials if trial.state == "failed"],
        shown=lambda value: f"{value:.4g}" if isinstance(value, float) else str(value),
        korean=KOREAN,
        say=_say,
        w=lambda text: _say(text, KOREAN[text]),
    )


def history(trials: Sequence[Trial], goal: str) -> str:
    """Every trial, and the best so far."""
    figure, axes = style.pyplot().subplots(figsize=(9, 3.2), layout="constrained")
    for state, colour in (("complete", COLOURS["tuned"]), ("pruned", COLOURS["popularity"])):
        dots = [(trial.number, trial.value) for trial in trials if trial.state == state]
        if dots:
            axes.scatter(*zip(*dots, strict=True), color=colour, s=18, label=state)
    better = max if goal == "maximize" else min
    best: list[tuple[int, float]] = []
    for trial in (t for t in trials if t.state == "complete" and t.value is not None):
        best.append((trial.number, better(trial.value or 0.0, best[-1][1]) if best else trial.value or 0.0))
    if best:
        axes.step(*zip(*best, strict=True), where="post", color=COLOURS["reranked"], label="best so far")
    axes.set(xlabel="trial", ylabel="validation")
    axes.xaxis.get_major_locator().set_params(integer=True)
    axes.legend(loc="upper left", bbox_to_anchor=(1, 1))
    return inline(figure)


def bars(importance: Mapping[str, float]) -> str:
    """How much of the differences each parameter explains."""
    figure, axes = style.pyplot().subplots(figsize=(9, 0.7 + 0.3 * len(importance)), layout="constrained")
    names = sorted(importance, key=lambda name: importance[name])
    drawn = axes.barh(names, [importance[name] for name in names], color=COLOURS["tuned"])
    axes.bar_label(drawn, [f"{importance[name]:.0%}" for name in names], padding=3)
    axes.set(xlabel="share of the differences")
    axes.grid(axis="y", visible=False)
    return inline(figure)


def parallel(trials: Sequence[Trial], sweep: Sweep) -> str:
    """A line a trial through all parameters to its score; the stronger, the better."""
    plt = style.pyplot()
    names = list(sweep.parameters)
    figure, axes = plt.subplots(figsize=(max(9, 0.95 * (len(names) + 1)), 3.8), layout="constrained")
    values = [trial.value or 0.0 for trial in trials]
    low, high = min(values), max(values)
    sign = 1 if sweep.goal == "maximize" else -1
    for trial in sorted(trials, key=lambda t: sign * (t.value or 0.0)):  # the best on top
        end = ((trial.value or 0.0) - low) / (high - low) if high > low else 0.5
        good = end if sign > 0 else 1 - end
        heights = [height(sweep.parameters[name], trial.proposal.params.get(name)) for name in names]
        drawn = [float("nan") if level is None else level for level in heights]
        axes.plot(range(len(names) + 1), [*drawn, end], color=COLOURS["tuned"], alpha=0.12 + 0.8 * good**2, linewidth=1.3)
        outside = [(x, y) for x, y in enumerate(drawn) if y in BEYOND]
        if outside:
            axes.plot(*zip(*outside, strict=True), "o", color=COLOURS["tuned"], markersize=4)
    ends = [*(_ends(sweep.parameters[name]) for name in names), (f"{low:.3f}", f"{high:.3f}")]
    for x, (least, most) in enumerate(ends):
        axes.vlines(x, 0, 1, color=style.FAINT, linewidth=0.8, zorder=1)
        axes.text(x, -0.1, least, ha="center", va="top", fontsize=8, color=style.FAINT)
        axes.text(x, 1.1, most, ha="center", va="bottom", fontsize=8, color=style.FAINT)
    short = [name.partition(".")[2].replace("_", "_\n", 1) for name in names]
    axes.set_xticks(range(len(ends)), [*short, "score"], fontsize=8)
    axes.tick_params(axis="x", length=0)
    axes.set(yticks=[], ylim=(-0.22, 1.22))
    axes.grid(visible=False)
    for spine in axes.spines.values():
        spine.set_visible(False)
    return inline(figure)


def slices(trials: Sequence[Trial], sweep: Sweep) -> str:
    """The score against each parameter alone."""
    names = list(sweep.parameters)
    columns = min(4, len(names))
    rows = -(-len(names) // columns)
    size = (2.5 * columns, 2.1 * rows)
    figure, grid = style.pyplot().subplots(rows, columns, figsize=size, squeeze=False, sharey=True, layout="constrained")
    for axes, name in zip(grid.flat, names, strict=False):
        axis = sweep.parameters[name]
        dots = [(trial.proposal.params[name], trial.value) for trial in trials if name in trial.proposal.params]
        if axis.choices:
            places = [
                *axis.choices,
                *sorted({x for x, _ in dots} - {*axis.choices}, key=str),
            ]  # what params.yaml has may be another
            axes.scatter([places.index(x) for x, _ in dots], [y for _, y in dots], s=12, color=COLOURS["tuned"], alpha=0.7)
            axes.set_xticks(range(len(places)), [str(place) for place in places])
        else:
            drawable = [(float(x), y) for x, y in dots if not axis.log or float(x) > 0]
            axes.scatter([x for x, _ in drawable], [y for _, y in drawable], s=12, color=COLOURS["tuned"], alpha=0.7)
            if axis.log:
                by_logarithm(axes)
        axes.set_xlabel(name, fontsize=9)
        axes.tick_params(labelsize=8)
    for axes in list(grid.flat)[len(names) :]:
        axes.set_visible(False)
    return inline(figure)


BEYOND = (-0.06, 1.06)
"""Heights of values below and above the range."""


def height(axis: Axis, value: Any) -> float | None:
    """Where a value stands between the ends of its axis; None where the trial has none."""
    if value is None:
        return None
    if axis.choices:
        return axis.choices.index(value) / max(1, len(axis.choices) - 1) if value in axis.choices else BEYOND[1]
    low, high = float(axis.low or 0), float(axis.high or 0)
    if not low <= value <= high:
        return BEYOND[float(value) > high]
    if axis.log:
        return (math.log(value) - math.log(low)) / (math.log(high) - math.log(low))
    return (float(value) - low) / (high - low)


def inline(figure: Any) -> str:
    """The picture as it stands in the page: each text in both languages."""
    drawn = style.svg(figure)
    style.pyplot().close(figure)
    return re.sub(r">([^<>]+)</text>", lambda match: f">{_in_both(match[1])}</text>", drawn[drawn.index("<svg") :])


def _in_both(text: str) -> str:
    korean = KOREAN.get(unescape(text).strip())
    return f'<tspan class="en">{text}</tspan><tspan class="ko">{korean}</tspan>' if korean else text


def _say(en: str, ko: str) -> Markup:
    return Markup('<span class="en">{}</span><span class="ko" lang="ko">{}</span>').format(en, ko)


def _ends(axis: Axis) -> tuple[str, str]:
    return (str(axis.choices[0]), str(axis.choices[-1])) if axis.choices else (f"{axis.low:g}", f"{axis.high:g}")
