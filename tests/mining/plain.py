"""Mining as one would write it first: a query at a time, a candidate at a time, sets and loops. The reference of the tests."""

import numpy as np
from mining.cases import PARAMS, Case, searched

from haechi.mining.params import MineParams
from haechi.records.passage import Passage
from haechi.text.near_duplicates import grams, jaccard


def plain_fates(case: Case, params: MineParams = PARAMS) -> dict[tuple[str, str], str]:
    """(query, passage) -> why it is no candidate for a negative, or "" where it is one."""
    found = searched(case)
    by_id = {p.id: p for p in case.passages}
    vector = {p.id: v.astype(np.float64) for p, v in zip(case.passages, found.passage_vectors, strict=True)}
    fates = {}
    for query, asked in zip(case.queries, found.query_vectors.astype(np.float64), strict=True):
        ranks = [{s.id: rank for rank, s in enumerate(run[query.id], start=1)} for run in (found.bm25, found.dense)]
        positives = [by_id[id] for id in query.positives]
        lowest = min(float(asked @ vector[p.id]) for p in positives)
        for id in {*ranks[0], *ranks[1], *query.structural}:
            reason = _known(by_id[id], positives, query.related_keys, case.reserved, params.near_duplicate)
            if not reason and any(rank.get(id, 999) <= params.skip_top for rank in ranks):
                reason = "skipped"
            if not reason and not _below(float(asked @ vector[id]), lowest, params):
                reason = "above_margin"
            fates[query.id, id] = reason
    return fates


def _known(candidate: Passage, positives: list[Passage], cited: frozenset[str], reserved: frozenset[str], near: float) -> str:
    if candidate in positives:
        return "positive"
    if any(candidate.id in p.twins for p in positives):
        return "twin"
    if candidate.article_key in reserved:
        return "reserved"
    if any(candidate.article_key == p.article_key for p in positives):
        return "same_article"
    if candidate.article and any((candidate.law_name, candidate.article) == (p.law_name, p.article) for p in positives):
        return "other_version"
    if candidate.article_key in cited:
        return "cocited"
    if any(jaccard(grams(candidate.text), grams(p.text)) >= near for p in positives):
        return "near_duplicate"
    return ""


def _below(score: float, lowest: float, params: MineParams) -> bool:
    by_share = lowest <= 0 or score < params.margin * lowest
    return by_share and (not params.absolute_margin or score < lowest - params.absolute_margin)
