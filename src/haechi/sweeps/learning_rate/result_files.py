"""What a search for the rate leaves: its result, everything it ever measured, and pictures."""

import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from haechi.report.style import by_logarithm, pyplot, save, svg
from haechi.runtime.files import write_json, write_text
from haechi.scoring.names import COLOURS
from haechi.sweeps.engine.results_log import Entry
from haechi.sweeps.engine.trial import Trial
from haechi.sweeps.learning_rate.method import RANGE_TEST, RATE, measured
from haechi.sweeps.learning_rate.search import Curve, Scores, Search, bracket
from haechi.sweeps.learning_rate.verdict import Verdict
from haechi.sweeps.results.indistinguishable import noise, seed_levels

SCHEMA = 2
RESULT, CUMULATIVE = "optimal_lr.json", "lr_sweep_cumulative.json"


def result(verdict: Verdict, search: Search, trials: Sequence[Trial], base: Mapping[str, str], examples: int) -> dict[str, Any]:
    """optimal_lr.json; docs/sweeps.md explains every key."""
    return {
        "schema": SCHEMA,
        "status": verdict.status,
        "lr": verdict.chosen,
        "rule": verdict.rule,
        "best": {"lr": verdict.best, "score": verdict.standings[0].mean, "interval": [_number(end) for end in verdict.interval]},
        "indistinguishable": list(verdict.tied),
        "metric": "validation ndcg@10",
        "noise": _number(verdict.spread),
        "rates": [
            {"lr": s.name, "score": s.mean, "runs": s.runs, "behind": s.behind, "reach": _number(s.reach), "tied": s.tied}
            for s in sorted(verdict.standings, key=lambda standing: standing.name)
        ],
        "search": {
            "plan": search.plan,
            "low": search.low,
            "high": search.high,
            "present": search.present or None,
            "seed": search.seed,
            "seeds": search.seeds,
            "examples": examples,
            "trainings": len(trials),
        },
        "base": dict(base),
    }


def cumulative(entries: Sequence[Entry], base: Mapping[str, str]) -> dict[str, Any]:
    """lr_sweep_cumulative.json: every training that any search of this project has finished."""
    return {
        "schema": SCHEMA,
        "trials": [
            {
                "key": entry.key,
                "lr": entry.params.get(RATE),
                "seed": entry.seed,
                "kind": entry.kind,
                "state": entry.state,
                "score": entry.value,
                "base": dict(entry.base),
                "comparable": dict(entry.base) == dict(base),
            }
            for entry in entries
            if entry.kind in ("rate", RANGE_TEST)
        ],
    }


def write(
    folder: Path, verdict: Mapping[str, Any], everything: Mapping[str, Any], trials: Sequence[Trial], search: Search
) -> None:
    """All files."""
    write_json(folder / RESULT, verdict)
    write_json(folder / CUMULATIVE, everything)
    data = measured(trials)
    stages = sorted({int(str(trial.proposal.facts["stage"])) for trial in trials if trial.proposal.kind == "rate"})
    for stage in stages:
        here = _of_stage(trials, stage)
        _picture(folder / f"stage_{stage}", here, {}, verdict, f"stage {stage}")
    if data.curve and data.curve.rates:
        _range_picture(folder / "range_test", data.curve, search)
    _picture(folder / "lr_sweep", data.scores, {stage: _of_stage(trials, stage) for stage in stages}, verdict, "all stages")


def _of_stage(trials: Sequence[Trial], stage: int) -> Scores:
    return measured(
        [trial for trial in trials if trial.proposal.kind == "rate" and trial.proposal.facts["stage"] == stage]
    ).scores


def _picture(place: Path, scores: Scores, stages: Mapping[int, Scores], verdict: Mapping[str, Any], title: str) -> None:
    """Every run as a dot, every mean with its standard error, what can't be distinguished from the best in one colour."""
    figure, axes = pyplot().subplots(figsize=(7, 3.8), layout="constrained")
    tied, spread = set(verdict["indistinguishable"]), noise(scores)
    levels, means = seed_levels(scores), {s["lr"]: s["score"] for s in verdict["rates"]}
    unit = spread.spread if spread.degrees else verdict["noise"] or 0.0
    for number, here in (stages or {0: scores}).items():
        dots = [(rate, value - levels.get(seed, 0.0)) for rate, by_seed in here.items() for seed, value in by_seed.items()]
        label = f"runs of stage {number}" if stages else "a run"
        axes.scatter(*zip(*dots, strict=True), s=14, alpha=0.45, color=_shade(number, len(stages)), label=label, zorder=2)
    for rate, by_seed in sorted(scores.items()):
        colour = COLOURS["tuned"] if rate in tied else COLOURS["popularity"]
        error = unit / math.sqrt(len(by_seed))
        mean = means[rate] if stages else sum(v - levels.get(seed, 0.0) for seed, v in by_seed.items()) / len(by_seed)
        axes.errorbar([rate], [mean], yerr=[error], fmt="o", color=colour, capsize=3, zorder=3)
    meanings = {COLOURS["tuned"]: "can't be distinguished from the best", COLOURS["popularity"]: "worse than the best"}
    for colour, text in meanings.items():
        axes.errorbar([], [], yerr=[], fmt="o", color=colour, capsize=3, label=text)
    if verdict["lr"] in scores:
        axes.axvline(verdict["lr"], color=COLOURS["reranked"], linestyle="--", linewidth=1, label=f"chosen: {verdict['lr']:g}")
    by_logarithm(axes)
    axes.set(
        xlabel="learning rate",
        ylabel="validation ndcg@10, adjusted for the seed",
        title=f"{title}: mean and standard error",
    )
    axes.legend(fontsize=7, frameon=False)
    _save(figure, place)


def _range_picture(place: Path, curve: Curve, search: Search) -> None:
    figure, axes = pyplot().subplots(figsize=(7, 3.2), layout="constrained")
    axes.plot(curve.rates, curve.losses, color=COLOURS["tuned"], marker=".")
    low, high = bracket(curve, search.low, search.high)
    axes.axvspan(low, high, color=COLOURS["base"], alpha=0.15, label=f"searched: {low:g} to {high:g}")
    by_logarithm(axes)
    axes.set(xlabel="learning rate", ylabel="training loss", title="range test: the rate rises from step to step")
    axes.legend(fontsize=8, frameon=False)
    _save(figure, place)


def _save(figure: Any, place: Path) -> None:
    write_text(place.with_suffix(".svg"), svg(figure))
    save(figure, place.with_suffix(".png"))


def _shade(number: int, stages: int) -> str:
    shades = ("#56B4E9", "#E69F00", "#009E73", "#CC79A7", "#D55E00", "#0072B2", "#999999")
    return shades[number % len(shades)] if stages else "#56B4E9"


def _number(value: float) -> float | None:
    return value if math.isfinite(value) else None
