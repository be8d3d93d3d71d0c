"""What stands in metrics/evaluate.json: the few figures that people compare between runs, and what tools must know."""

from collections.abc import Mapping
from typing import Any

from haechi.evaluation.forgetting import GENERAL
from haechi.scoring.evaluation import Evaluation
from haechi.scoring.names import BASE, BM25, HEADLINE, HYBRID, TUNED

COMPARED: Mapping[str, tuple[str, ...]] = {
    "unseen": (TUNED, BM25, HYBRID),
    "title": (TUNED, BM25, HYBRID),
    "user": (TUNED, BM25, HYBRID),
}
"""Slice -> systems whose figure is compared."""


def key_figures(found: Evaluation) -> dict[str, Any]:
    """Out of all figures of an evaluation."""
    primary, gap = found.primary, found.difference[f"{TUNED}-{BASE}"][HEADLINE]
    slices = {name: found.slice[name] for name in COMPARED if name in found.slice}
    missing = found.hybrid.get("missing")
    return {
        **({"missing": ", ".join(missing)} if missing else {}),
        "testset": found.testset,
        "evaluator": found.evaluator,
        "encoder": found.encoder,
        HEADLINE: {system: primary[system][HEADLINE] for system in (BM25, BASE, TUNED, HYBRID)},
        "recall@10": {TUNED: primary[TUNED]["recall@10"]},
        "mrr@10": {TUNED: primary[TUNED]["mrr@10"]},
        "gain": {bound: gap[bound] for bound in ("low", "high")},
        "probe": found.probe[GENERAL]["difference"]["value"],
        **{name: {system: told[system] for system in COMPARED[name]} for name, told in slices.items()},
    }
