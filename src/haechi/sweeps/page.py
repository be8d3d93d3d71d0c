"""The page of a sweep: one HTML file with its pictures in it, which opens without a network."""

import io
import math
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

import jinja2

from haechi.evaluation.drawing import pyplot
from haechi.evaluation.names import COLOURS
from haechi.sweeps.board import Board
from haechi.sweeps.plan import Axis, Sweep
from haechi.sweeps.trial import Trial

TEMPLATE = """<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>sweep {{ sweep.name }}</title>
<style>
:root { color-scheme: light dark; }
body { font: 16px/1.55 system-ui, "Noto Sans KR", sans-serif; max-width: 64rem; margin: 2rem auto; padding: 0 1rem; }
h1 { font-size: 1.5rem; } h2 { font-size: 1.15rem; margin-top: 2.2rem; }
.answer { font-size: 1.1rem; border-left: 4px solid #0072B2; padding: .4rem 1rem; }
.scroll { overflow-x: auto; }
table { border-collapse: collapse; font-variant-numeric: tabular-nums; }
th, td { padding: .3rem .8rem; border-bottom: 1px solid #8884; text-align: right; white-space: nowrap; }
th:first-child, td:first-child { text-align: left; }
svg { max-width: 100%; height: auto; background: white; }
tr.tied { background: #0072B222; }
</style>
</head>
<body>
<h1>Sweep {{ sweep.name }}</h1>
<p class="answer">{{ board.verdict }}.</p>
<p>{{ counts }}. Scores are {{ sweep.metric }} on validation; the test set was not looked at.
{% if board.noise.degrees %}A run strays by {{ "%.4f"|format(board.noise.spread) }} with its seed alone.{% endif %}</p>
<h2>Leaderboard</h2>
<div class="scroll"><table>
<tr><th>trial</th><th>mean</th><th>runs</th><th>behind</th><th>told apart from</th>
{% for n in names %}<th>{{ n }}</th>{% endfor %}</tr>
{% for row in board.rows %}<tr{% if row.standing.tied %} class="tied"{% endif %}>
<td>{{ row.trial.number }}{{ " (as it is)" if row.current }}</td>
<td>{{ "%.4f"|format(row.standing.mean|abs) }}</td><td>{{ row.standing.runs }}</td>
<td>{{ "%.4f"|format(row.standing.behind) }}</td>
<td>{{ "-" if loop.first or row.standing.reach > 1e9 else "%.4f"|format(row.standing.reach) }}</td>
{% for n in names %}<td>{{ shown(row.trial.proposal.params.get(n, "")) }}</td>{% endfor %}</tr>
{% endfor %}</table></div>
<p>Shaded: can't be told apart from the best.</p>
{% for title, picture in pictures %}<h2>{{ title }}</h2>
<div class="scroll">{{ picture|safe }}</div>
{% endfor %}{% if failed %}<h2>Failures</h2>
<ul>{% for trial in failed %}<li>trial {{ trial.number }}: {{ trial.facts.get("error", "") }}</li>{% endfor %}</ul>{% endif %}
</body>
</html>
"""


def page(sweep: Sweep, trials: Sequence[Trial], board: Board, importance: Mapping[str, float]) -> str:
    """The whole page."""
    own = [trial for trial in trials if trial.value is not None]
    pictures = []
    if own:
        pictures.append(("History", history(own, sweep.goal)))
        pictures.append(("Parameters side by side", parallel(own, sweep)))
        pictures.append(("Each parameter", slices(own, sweep)))
    if importance:
        pictures.insert(1, ("Importance of parameters", bars(importance)))
    environment = jinja2.Environment(autoescape=True, undefined=jinja2.StrictUndefined)
    count = Counter(trial.state for trial in trials)
    counts = ", ".join(f"{count[state]} {state}" for state in ("complete", "pruned", "failed", "running") if count[state])
    return environment.from_string(TEMPLATE).render(
        sweep=sweep,
        board=board,
        names=list(sweep.parameters),
        counts=counts or "no trial yet",
        pictures=pictures,
        failed=[trial for trial in trials if trial.state == "failed"],
        shown=lambda value: f"{value:.4g}" if isinstance(value, float) else str(value),
    )


def history(trials: Sequence[Trial], goal: str) -> str:
    """Every trial, and the best so far."""
    figure, axes = pyplot().subplots(figsize=(8, 3.2), layout="constrained")
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
    axes.legend(fontsize=8, frameon=False)
    return svg(figure)


def bars(importance: Mapping[str, float]) -> str:
    """How much of the differences each parameter explains."""
    figure, axes = pyplot().subplots(figsize=(8, 0.5 + 0.32 * len(importance)), layout="constrained")
    names = sorted(importance, key=lambda name: importance[name])
    axes.barh(names, [importance[name] for name in names], color=COLOURS["tuned"])
    axes.set(xlabel="share of the variance (fANOVA); few trials make it unsure")
    return svg(figure)


def parallel(trials: Sequence[Trial], sweep: Sweep) -> str:
    """A line a trial through all parameters to its score; brighter is better."""
    plt = pyplot()
    names = list(sweep.parameters)
    figure, axes = plt.subplots(figsize=(max(8, 1.2 * len(names)), 3.6), layout="constrained")
    values = [trial.value or 0.0 for trial in trials]
    low, high = min(values), max(values)
    colours = plt.get_cmap("viridis")
    for trial in sorted(trials, key=lambda t: t.value or 0.0):
        heights = [_height(sweep.parameters[name], trial.proposal.params.get(name)) for name in names]
        end = ((trial.value or 0.0) - low) / (high - low) if high > low else 0.5
        drawn = [float("nan") if height is None else height for height in heights]
        good = end if sweep.goal == "maximize" else 1 - end
        axes.plot(range(len(names) + 1), [*drawn, end], color=colours(good), alpha=0.35 + 0.6 * good, linewidth=1.2)
    labels = [*(_label(name, sweep.parameters[name]) for name in names), f"score\n{low:.3f}..{high:.3f}"]
    axes.set_xticks(range(len(labels)), labels, fontsize=6)
    axes.set_yticks([])
    return svg(figure)


def slices(trials: Sequence[Trial], sweep: Sweep) -> str:
    """The score against each parameter alone."""
    names = list(sweep.parameters)
    columns = min(4, len(names))
    rows = -(-len(names) // columns)
    size = (2.6 * columns, 2.2 * rows)
    figure, grid = pyplot().subplots(rows, columns, figsize=size, squeeze=False, sharey=True, layout="constrained")
    for axes, name in zip(grid.flat, names, strict=False):
        axis = sweep.parameters[name]
        dots = [(trial.proposal.params[name], trial.value) for trial in trials if name in trial.proposal.params]
        if dots:
            xs = [str(x) if axis.choices else x for x, _ in dots]
            axes.scatter(xs, [y for _, y in dots], s=12, color=COLOURS["tuned"], alpha=0.7)
        if axis.log:
            axes.set_xscale("log")
        axes.set_xlabel(name, fontsize=8)
        axes.tick_params(labelsize=7)
    for axes in list(grid.flat)[len(names) :]:
        axes.set_visible(False)
    return svg(figure)


def svg(figure: Any) -> str:
    """As text to stand in a page; the same figures give the same bytes."""
    plt = pyplot()
    plt.rcParams["svg.hashsalt"] = "haechi"
    stream = io.StringIO()
    figure.savefig(stream, format="svg", metadata={"Date": None, "Creator": None})
    plt.close(figure)
    return stream.getvalue().partition("<svg")[1] + stream.getvalue().partition("<svg")[2]


def _height(axis: Axis, value: Any) -> float | None:
    if value is None:
        return None
    if axis.choices:
        return axis.choices.index(value) / max(1, len(axis.choices) - 1) if value in axis.choices else None
    low, high = float(axis.low or 0), float(axis.high or 0)
    if axis.log:
        return (math.log(value) - math.log(low)) / (math.log(high) - math.log(low))
    return (float(value) - low) / (high - low)


def _label(name: str, axis: Axis) -> str:
    ends = ", ".join(map(str, axis.choices)) if axis.choices else f"{axis.low:g}..{axis.high:g}"
    return f"{name}\n{ends}"
