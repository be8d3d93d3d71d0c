"""What results are called, in one place: metrics files, tables, plots and the report use the same words.

Holds constants and pure lookups only, so that naming a result makes no stage depend on how it is computed.
"""

from collections.abc import Iterable

HEADLINE = "ndcg@10"

POPULARITY, BM25, BASE, TUNED, HYBRID, RERANKED = "popularity", "bm25", "base", "tuned", "hybrid", "reranked"
SPARSE, MULTI_VECTOR, COMBINED = "sparse", "multi_vector", "combined"
LABELS = {
    POPULARITY: "popularity",
    BM25: "BM25 (Kiwi)",
    BASE: "untuned base",
    TUNED: "tuned",
    SPARSE: "tuned, sparse head",
    MULTI_VECTOR: "tuned, multi-vector head",
    COMBINED: "tuned, three heads",
    HYBRID: "hybrid",
    RERANKED: "hybrid, reranked",
}
"""Systems in the order in which they are shown; those that a user adds follow."""

COLOURS = {POPULARITY: "#999999", BM25: "#E69F00", BASE: "#56B4E9", TUNED: "#0072B2", HYBRID: "#009E73", RERANKED: "#D55E00"}
"""Okabe and Ito's palette: tells systems apart for colour-blind readers too."""
OTHER_COLOUR = "#CC79A7"


def shown(systems: Iterable[str]) -> list[str]:
    """These systems in the order in which they are shown."""
    order = list(LABELS)
    return sorted(systems, key=lambda system: (order.index(system) if system in LABELS else len(order), system))


def label(system: str) -> str:
    """What a system is called; those that a user adds keep their name."""
    return LABELS.get(system, system)


EVALUATOR_VERSION = 3
"""Raised whenever the same inputs would give other figures: unlike versions are never compared."""
