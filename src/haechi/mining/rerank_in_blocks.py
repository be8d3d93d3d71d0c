"""Cheap first: candidates go before the reranker block by block, as long as it finds better negatives."""

import numpy as np

from haechi.mining.apply_filters import Rules
from haechi.mining.candidates import Candidates, Flags, Floats, Ints
from haechi.mining.filters import Fates, below_margin, rank_in_query
from haechi.mining.params import MineParams

_CONSTANT = 60.0  # of reciprocal rank fusion (Cormack, Clarke and Büttcher, 2009)


def scored(rules: Rules, params: MineParams, candidates: Candidates, fates: Fates, compared: Flags) -> tuple[Candidates, Floats]:
    """Scores of what is compared (positives), and of the candidates in the race; and the score of each query's worst positive."""
    racing, block = fates == 0, params.reranker_block
    if rules.scorer is None or not block:
        candidates = rules.with_scores(candidates, racing | compared)
        return candidates, rules.lowest(candidates)
    candidates = rules.with_scores(candidates, compared)
    lowest = rules.lowest(candidates)
    fits = below_margin(lowest, params.margin, params.absolute_margin)
    place = np.where(racing, fused_place(candidates, racing), -1)
    going = np.ones(len(lowest), dtype=bool)
    start = 0
    while going.any() and start <= place.max(initial=-1):
        seen = (place >= start) & (place < start + block) & going[candidates.query]
        candidates = rules.with_scores(candidates, seen)
        best = _best(candidates, racing & fits(candidates), params.num_negatives)
        improved = np.zeros(len(lowest), dtype=bool)
        improved[candidates.query[best & seen]] = True
        full = np.bincount(candidates.query[best], minlength=len(lowest)) == params.num_negatives
        going &= improved | ~full
        start += block
    return candidates, lowest


def fused_place(candidates: Candidates, racing: Flags) -> Ints:
    """The place of each racing candidate among those of its query, from 0, by reciprocal ranks of both lists."""
    rows = np.flatnonzero(racing)
    ranks = np.stack([candidates.bm25_rank[rows], candidates.dense_rank[rows]]).astype(np.float64)
    fused = np.where(ranks > 0, 1.0 / (_CONSTANT + ranks), 0.0).sum(axis=0)
    order = np.lexsort((candidates.passage[rows], -fused, candidates.query[rows]))
    query = candidates.query[rows][order]
    places = np.zeros(len(candidates), dtype=np.int64)
    places[rows[order]] = np.arange(len(rows)) - np.searchsorted(query, query)
    return places


def _best(candidates: Candidates, fit: Flags, most: int) -> Flags:
    """The best-scored few of each query that fit."""
    rows = np.flatnonzero(fit)
    best = np.zeros(len(candidates), dtype=bool)
    best[rows[rank_in_query(candidates.take(rows)) < most]] = True
    return best
