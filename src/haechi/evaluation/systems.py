"""The systems that are compared on the same queries: each is a run over articles."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence

import numpy as np
import numpy.typing as npt

from haechi.evaluation.metrics import Placed, mean, score
from haechi.records.pair import Pair
from haechi.retrieval.fuse import scaled
from haechi.retrieval.run import Run

WEIGHTS = tuple(round(0.1 * step, 1) for step in range(11))


def popularity(pairs: Iterable[Pair], name: Mapping[str, str], query_ids: Sequence[str], depth: int) -> Run:
    """The articles that training decisions cite most, whatever the query: what a model must beat to have read it."""
    cited = Counter(name[key] for pair in pairs if pair.meta.type == "precedent" for key in pair.meta.article_keys)
    ranked = sorted(cited, key=lambda key: (-cited[key], key))[:depth]
    return Run({query_id: [(key, float(-rank)) for rank, key in enumerate(ranked)] for query_id in query_ids})


def best_weight(lexical: Run, dense: Run, gold: Mapping[str, Sequence[str]], depth: int) -> float:
    """The fusion weight with the best nDCG@10 on validation; the larger dense share among equals.

    The same as scoring `weighted` at every weight, but only gold's ranks are worked out, not eleven rankings.
    """
    places: dict[float, dict[str, Placed]] = {w: {} for w in WEIGHTS}
    for query_id, keys in gold.items():
        first, second = scaled(lexical[query_id]), scaled(dense[query_id])
        ids = sorted({**first, **second})
        wanted = [row for row, id in enumerate(ids) if id in set(keys)]
        one, two = (np.array([side.get(id, 0.0) for id in ids]) for side in (first, second))
        for w in WEIGHTS:
            ranks = sorted(rank for row in wanted if (rank := _rank(w * two + (1.0 - w) * one, row)) <= depth)
            places[w][query_id] = Placed(tuple(ranks), len(set(keys)))
    scores = {w: mean(score(found, (10,)))["ndcg@10"] for w, found in places.items()}
    return max(WEIGHTS, key=lambda w: (scores[w], w))


def _rank(scores: npt.NDArray[np.float64], row: int) -> int:
    """The rank of a row under (-score, id), rows being sorted by id."""
    own = scores[row]
    return 1 + int((scores > own).sum()) + int((scores[:row] == own).sum())
