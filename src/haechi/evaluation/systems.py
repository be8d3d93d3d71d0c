"""The systems that are compared on the same queries: each is a run over articles."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence

from haechi.evaluation.metrics import evaluate_run, mean
from haechi.records.pair import Pair
from haechi.retrieval.fuse import weighted
from haechi.retrieval.run import Run

WEIGHTS = tuple(round(0.1 * step, 1) for step in range(11))


def popularity(pairs: Iterable[Pair], name: Mapping[str, str], query_ids: Sequence[str], depth: int) -> Run:
    """The articles that training decisions cite most, whatever the query: what a model must beat to have read it."""
    cited = Counter(name[key] for pair in pairs if pair.meta.type == "precedent" for key in pair.meta.article_keys)
    ranked = sorted(cited, key=lambda key: (-cited[key], key))[:depth]
    return Run({query_id: [(key, float(-rank)) for rank, key in enumerate(ranked)] for query_id in query_ids})


def best_weight(lexical: Run, dense: Run, gold: Mapping[str, Sequence[str]], depth: int) -> float:
    """The fusion weight with the best nDCG@10 on validation; the larger dense share among equals."""
    scores = {w: mean(evaluate_run(weighted(lexical, dense, w, depth), gold, (10,)))["ndcg@10"] for w in WEIGHTS}
    return max(WEIGHTS, key=lambda w: (scores[w], w))
