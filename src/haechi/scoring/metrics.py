"""Retrieval metrics per query, by ir_measures; a mean is a fold over queries, and a query without results counts as zero.

Names: `recall@k` is the share of the gold articles found; whether any was found is `success@k` (others call that recall).
`map@r` stops at the number of gold articles; `hitmap@3` is the measure of an earlier competition (see `hit_normalised_map`).

Every metric is a function of the ranks at which gold was found and of how much gold there is. So a ranking is first
reduced to that: it is what `metrics/per_query.json` keeps, and what a later comparison scores again with the same code.
Ties are broken once, by Run's own sort: pytrec_eval gets -rank as the score, since it breaks ties its own way.
"""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import ir_measures
from ir_measures import AP, RR, R, Success, nDCG

from haechi.retrieval.run import Run, Scored
from haechi.runtime.errors import HaechiError

Scores = dict[str, dict[str, float]]
"""query id -> metric name -> value"""


class GoldRanks(NamedTuple):
    """Where the gold of one query stands in a ranking."""

    ranks: tuple[int, ...]
    """Ranks, from 1, of the gold articles that were found."""
    n_gold: int


def gold_ranks(ranked: Sequence[Scored], gold: Sequence[str]) -> GoldRanks:
    """Reduce a ranked list to what metrics look at."""
    wanted = set(gold)
    return GoldRanks(tuple(rank for rank, scored in enumerate(ranked, start=1) if scored.id in wanted), len(wanted))


def evaluate_run(run: Run, gold: Mapping[str, Sequence[str]], k_values: Sequence[int]) -> Scores:
    """Every metric for every judged query."""
    return score({query_id: gold_ranks(run[query_id], keys) for query_id, keys in gold.items()}, k_values)


def score(places: Mapping[str, GoldRanks], k_values: Sequence[int]) -> Scores:
    """Every metric of every query, from ranks alone; what is placed alike scores alike and is scored once."""
    if not places:
        raise HaechiError("evaluate: there is no query to judge")
    if unjudged := next((query_id for query_id, place in places.items() if not place.n_gold), None):
        raise HaechiError(f"evaluate: query {unjudged} has no gold article")
    distinct = {place: str(i) for i, place in enumerate(dict.fromkeys(places.values()))}
    scored = _score(distinct, k_values)
    return {query_id: dict(scored[distinct[place]]) for query_id, place in places.items()}


def mean(scores: Scores, weights: Mapping[str, float] | None = None) -> dict[str, float]:
    """The mean of each metric over all queries; `weights` say what each counts, 1 on average."""
    names = next(iter(scores.values()))
    count = (weights or {}).get
    return {name: sum(count(id, 1.0) * row[name] for id, row in scores.items()) / len(scores) for name in names}


def hit_normalised_map(place: GoldRanks, *, answered: bool, k: int = 3) -> float:
    """Precision at each hit among the first k, summed and divided by the number of *hits* (not of gold articles).

    So further gold that is missing costs nothing, and nothing below rank k counts. The empty-answer rule:
    a query without gold scores 1 if the system answered nothing, else 0.
    """
    if not place.n_gold:
        return 0.0 if answered else 1.0
    hits = [rank for rank in place.ranks if rank <= k]
    return sum((i + 1) / rank for i, rank in enumerate(hits)) / len(hits) if hits else 0.0


def _score(ids: Mapping[GoldRanks, str], k_values: Sequence[int]) -> Scores:
    named = _measures(k_values)
    name_of = {measure: name for name, measure in named.items()}
    qrels = {id: {f"g{i}": 1 for i in range(place.n_gold)} for place, id in ids.items()}
    runs = {id: _list(place.ranks) for place, id in ids.items() if place.ranks}
    scores: Scores = {id: dict.fromkeys(named, 0.0) for id in qrels}
    if runs:
        for metric in ir_measures.iter_calc(list(named.values()), qrels, runs):
            scores[metric.query_id][name_of[metric.measure]] = float(metric.value)
    for place, id in ids.items():
        scores[id] |= {"map@r": _map_at_r(place), "hitmap@3": hit_normalised_map(place, answered=True)}
    return scores


def _measures(k_values: Sequence[int]) -> dict[str, ir_measures.Measure]:
    """Our names and the measures behind them."""
    named: dict[str, ir_measures.Measure] = {}
    for k in k_values:
        named |= {f"ndcg@{k}": nDCG @ k, f"recall@{k}": R @ k, f"success@{k}": Success @ k}
    return named | {"mrr@10": RR @ 10, "map": AP}


def _list(ranks: Sequence[int]) -> dict[str, float]:
    """A list with gold at these ranks; what follows the last of them changes no metric."""
    ids = {rank: f"g{i}" for i, rank in enumerate(ranks)}
    return {ids.get(rank, f"other{rank}"): -float(rank) for rank in range(1, ranks[-1] + 1)}


def _map_at_r(place: GoldRanks) -> float:
    """Mean over the first R ranks, R the number of gold articles, of the precision at each hit (Musgrave et al. 2020)."""
    return sum((i + 1) / rank for i, rank in enumerate(place.ranks) if rank <= place.n_gold) / place.n_gold
