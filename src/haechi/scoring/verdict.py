"""What the figures say of tuned against base; what to do about it is for the report to say, which looks at more than figures."""

from collections.abc import Mapping
from typing import Any, Literal

from haechi.scoring.evaluation import Evaluation
from haechi.scoring.names import BASE, HEADLINE, TUNED, label, shown

COLUMNS = ("system", HEADLINE, "interval", "recall@10", "mrr@10", "unseen articles")


def partly_unseen(evaluation: Evaluation) -> bool:
    """Whether training saw some answers of the headline and others not: of documents that are held out it saw none."""
    return bool(0 < evaluation.slice.get("unseen", {}).get("n", 0) < evaluation.n_queries)


def result_table(evaluation: Evaluation) -> tuple[tuple[str, ...], list[tuple[str, ...]]]:
    """Columns, and a row a system; of unseen articles only where they are a part of the test."""
    width = len(COLUMNS) if partly_unseen(evaluation) else len(COLUMNS) - 1
    rows: list[tuple[str, ...]] = []
    for system in shown(evaluation.primary):
        mean, bounds = evaluation.primary[system], evaluation.interval[system][HEADLINE]
        unseen = evaluation.slice.get("unseen", {}).get(system)
        rows.append(
            (
                label(system),
                f"{mean[HEADLINE]:.3f}",
                f"[{bounds['low']:.3f}, {bounds['high']:.3f}]",
                f"{mean['recall@10']:.3f}",
                f"{mean['mrr@10']:.3f}",
                "-" if unseen is None else f"{unseen:.3f}",
            )
        )
    return COLUMNS[:width], [row[:width] for row in rows]


def validation_table(evaluation: Evaluation) -> tuple[tuple[str, ...], list[tuple[str, ...]]]:
    """Columns and rows of each system on the slices of validation; no row where there is one slice only."""
    slices = evaluation.validation
    columns = ("validation", *(f"{name.replace('_', ' ')} ({found['n']})" for name, found in slices.items()))
    systems = shown(set.intersection(*(set(found) for found in slices.values())) - {"n"}) if slices else []
    return columns, [(label(system), *(f"{found[system]:.3f}" for found in slices.values())) for system in systems]


ALPHA = 0.05

Judgement = Literal["better", "worse", "can't tell"]


def judge(value: float, low: float, high: float, p: float) -> Judgement:
    """Better or worse only where the interval and the test (p adjusted for its family) agree."""
    if p > ALPHA or low <= 0.0 <= high:
        return "can't tell"
    return "better" if value > 0 else "worse"


def identical(gap: Mapping[str, float]) -> bool:
    """Whether no query came out otherwise: that is more than a difference which can't be told from chance."""
    return gap["wins"] + gap["losses"] == 0


def gap_told(gap: Mapping[str, float]) -> str:
    """A difference of the headline metric with its interval and the test."""
    return f"{gap['value']:+.3f} {HEADLINE} [{gap['low']:+.3f}, {gap['high']:+.3f}], p = {gap['p_holm']:.4f}"


def verdict(metrics: dict[str, Any]) -> str:
    """Better, worse or can't tell, for tuned against base."""
    gap = metrics["difference"][f"{TUNED}-{BASE}"][HEADLINE]
    outcome = judge(gap["value"], gap["low"], gap["high"], gap["p_holm"])
    if identical(gap):
        return "The tuned model scores as the untuned one on every query."
    if outcome == "better":
        return f"The tuned model is better than the untuned one: {gap_told(gap)}."
    if outcome == "worse":
        return f"The tuned model is WORSE than the untuned one: {gap_told(gap)}."
    smallest = f"; this test set shows differences of {gap['detectable']:.3f} or more" if "detectable" in gap else ""
    return f"Can't tell whether the tuned model is better: {gap_told(gap)}{smallest}."
