"""Retrieval metrics per query, by ir_measures; a mean is a fold over queries, and a query without results counts as zero.

Names: `recall@k` is the share of the gold articles found; whether any was found is `success@k` (others call that recall).
Ties are broken once, by Run's own sort: pytrec_eval gets -rank as the score, since it breaks ties its own way.
"""

from collections.abc import Mapping, Sequence

import ir_measures
from ir_measures import RR, R, Success, nDCG

from haechi.errors import HaechiError
from haechi.retrieval.run import Run

Scores = dict[str, dict[str, float]]
"""query id -> metric name -> value"""


def measures(k_values: Sequence[int]) -> dict[str, ir_measures.Measure]:
    """Our names and the measures behind them."""
    named: dict[str, ir_measures.Measure] = {}
    for k in k_values:
        named |= {f"ndcg@{k}": nDCG @ k, f"recall@{k}": R @ k, f"success@{k}": Success @ k}
    return named | {"mrr@10": RR @ 10}


def evaluate_run(run: Run, gold: Mapping[str, Sequence[str]], k_values: Sequence[int]) -> Scores:
    """Every metric for every judged query."""
    if not gold:
        raise HaechiError("evaluate: there is no query to judge")
    named = measures(k_values)
    name_of = {measure: name for name, measure in named.items()}
    qrels = [ir_measures.Qrel(query_id, key, 1) for query_id, keys in gold.items() for key in keys]
    ranked = [
        ir_measures.ScoredDoc(query_id, scored.id, -float(rank)) for query_id in gold for rank, scored in enumerate(run[query_id])
    ]
    scores: Scores = {query_id: dict.fromkeys(named, 0.0) for query_id in gold}
    if ranked:
        for metric in ir_measures.iter_calc(list(named.values()), qrels, ranked):
            scores[metric.query_id][name_of[metric.measure]] = float(metric.value)
    return scores


def mean(scores: Scores) -> dict[str, float]:
    """The mean of each metric over all queries."""
    names = next(iter(scores.values()))
    return {name: sum(row[name] for row in scores.values()) / len(scores) for name in names}
