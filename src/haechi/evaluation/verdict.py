"""What the figures say in one sentence, and what to do next."""

from typing import Any, Literal

from haechi.evaluation.names import BASE, HEADLINE, TUNED

ALPHA = 0.05

Judgement = Literal["better", "worse", "can't tell"]


def judge(value: float, low: float, high: float, p: float) -> Judgement:
    """Better or worse only where the interval and the test (p adjusted for its family) agree."""
    if p > ALPHA or low <= 0.0 <= high:
        return "can't tell"
    return "better" if value > 0 else "worse"


def verdict(metrics: dict[str, Any]) -> str:
    """Better, worse or can't tell, for tuned against base."""
    gap = metrics["difference"][f"{TUNED}-{BASE}"][HEADLINE]
    figures = f"{gap['value']:+.3f} {HEADLINE} [{gap['low']:+.3f}, {gap['high']:+.3f}], p = {gap['p_holm']:.4f}"
    found = _judged(metrics)
    if found == "better":
        return f"The tuned model is better than the untuned one: {figures}."
    if found == "worse":
        return f"The tuned model is WORSE than the untuned one: {figures}."
    smallest = f"; this test set shows differences of {gap['detectable']:.3f} or more" if "detectable" in gap else ""
    return f"Can't tell whether the tuned model is better: {figures}{smallest}."


def next_steps(metrics: dict[str, Any]) -> str:
    """What a person may do now."""
    compare = "then `haechi compare HEAD`"
    if _judged(metrics) == "better":
        return f"The model is models/encoder. Try another rate: dvc exp run -S train.lr=1e-3, {compare}."
    return f"Look at the validation curve (dvc plots show); try another rate: dvc exp run -S train.lr=1e-3, {compare}."


def _judged(metrics: dict[str, Any]) -> Judgement:
    gap = metrics["difference"][f"{TUNED}-{BASE}"][HEADLINE]
    return judge(gap["value"], gap["low"], gap["high"], gap["p_holm"])
