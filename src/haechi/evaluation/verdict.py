"""What the figures say in one sentence, and what to do next."""

from typing import Any

from haechi.evaluation.names import BASE, HEADLINE, TUNED


def verdict(metrics: dict[str, Any]) -> str:
    """Better, worse or can't tell, for tuned against base."""
    gap = metrics["difference"][f"{TUNED}-{BASE}"][HEADLINE]
    figures = f"{gap['value']:+.3f} {HEADLINE} [{gap['low']:+.3f}, {gap['high']:+.3f}], p = {gap['p']:.4f}"
    if gap["low"] > 0:
        return f"The tuned model is better than the untuned one: {figures}."
    if gap["high"] < 0:
        return f"The tuned model is WORSE than the untuned one: {figures}."
    return f"Can't tell whether the tuned model is better: {figures}."


def next_steps(metrics: dict[str, Any]) -> str:
    """What a person may do now."""
    gap = metrics["difference"][f"{TUNED}-{BASE}"][HEADLINE]
    if gap["low"] > 0:
        return "The model is models/encoder. Try another rate: dvc exp run -S train.lr=1e-3, then dvc metrics diff."
    return "Look at the validation curve (dvc plots show); try another rate: dvc exp run -S train.lr=1e-3, then dvc metrics diff."
