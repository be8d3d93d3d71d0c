"""Articles in the order of a reranker."""

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence

from haechi.records.passage import Passage
from haechi.retrieval.run import Run

PairScores = Callable[[Sequence[tuple[str, str]]], Iterable[float]]
"""(query, passage) -> how well the passage answers the query."""


def rerank(
    run: Run, texts: Mapping[str, str], corpus: Sequence[Passage], name: Mapping[str, str], score: PairScores, depth: int
) -> Run:
    """The first `depth` articles of each query by their best passage; what the reranker doesn't see is left out."""
    passages: dict[str, list[str]] = defaultdict(list)
    for passage in corpus:
        passages[name[passage.article_key]].append(passage.text)
    wanted = [(q, found.id, text) for q in run for found in run[q][:depth] for text in passages[found.id]]
    scores = score([(texts[query_id], text) for query_id, _, text in wanted])
    best: dict[str, dict[str, float]] = {query_id: {} for query_id in run}
    for (query_id, key, _), value in zip(wanted, scores, strict=True):
        best[query_id][key] = max(float(value), best[query_id].get(key, float("-inf")))
    return Run({query_id: list(found.items()) for query_id, found in best.items()})
