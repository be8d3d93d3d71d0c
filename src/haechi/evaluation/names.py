"""What results are called, in one place: metrics files, tables, plots and the report use the same words.

Holds constants only, so that naming a result makes no stage depend on how it is computed.
"""

HEADLINE = "ndcg@10"
PRIMARY_SUITE = "precedent"

POPULARITY, BM25, BASE, TUNED, HYBRID = "popularity", "bm25", "base", "tuned", "hybrid"
LABELS = {
    POPULARITY: "popularity",
    BM25: "BM25 (Kiwi)",
    BASE: "untuned base",
    TUNED: "tuned",
    HYBRID: "hybrid",
}
"""Systems in the order in which they are shown."""

COLOURS = {POPULARITY: "#999999", BM25: "#E69F00", BASE: "#56B4E9", TUNED: "#0072B2", HYBRID: "#009E73"}
"""Okabe and Ito's palette: tells systems apart for colour-blind readers too."""
