"""Is a reranker better than what it reranks? Judged on validation, by an interval; one that isn't is kept out of search."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from haechi.retrieval.run import Run
from haechi.scoring.metrics import evaluate_run
from haechi.scoring.names import HEADLINE
from haechi.scoring.significance import Resampler
from haechi.text.bilingual import Words

DEPTHS = (1, 2, 3, 5, 10, 20, 30, 50, 100, 200)
"""Depths of the curve, up to the one that is served."""


@dataclass(frozen=True)
class Gate:
    """What reranking does on validation; `better` alone lets a reranker into search."""

    queries: int
    depth: int
    pairs: int
    """(query, passage) that were scored for these queries."""
    before: float
    after: float
    low: float
    """Of the interval of the difference."""
    high: float
    depths: Mapping[str, float]
    """nDCG@10 where so many articles are reranked and the others follow as they were."""

    @property
    def better(self) -> bool:
        """Whether the whole interval lies above nothing."""
        return self.low > 0.0

    def as_json(self) -> dict[str, Any]:
        """With the verdict."""
        return {"better": self.better, **asdict(self)}


def at_depth(before: Run, reranked: Run, depth: int) -> Run:
    """The first `depth` of each list in the order of the reranker, and the others behind them as they were."""
    lists: dict[str, list[str]] = {}
    for query_id in before:
        ids = [one.id for one in before[query_id]]
        head = set(ids[:depth])
        lists[query_id] = [one.id for one in reranked[query_id] if one.id in head] + ids[depth:]
    return Run({query_id: [(id, -float(rank)) for rank, id in enumerate(ids)] for query_id, ids in lists.items()})


def gate(before: Run, reranked: Run, gold: Mapping[str, Sequence[str]], pairs: int, depth: int, sample: Resampler) -> Gate:
    """Compare both on the same queries; `sample` is made of their groups, in the order of `gold`."""
    columns = {at: _headline(at_depth(before, reranked, at), gold) for at in (0, *(d for d in DEPTHS if d < depth), depth)}
    gap = sample.differences(columns[depth][:, None], columns[0][:, None])[0]
    return Gate(
        len(gold),
        depth,
        pairs,
        _round(columns[0].mean()),
        _round(columns[depth].mean()),
        _round(gap.low),
        _round(gap.high),
        {str(at): _round(column.mean()) for at, column in columns.items()},
    )


def sentence(found: Mapping[str, Any]) -> Words:
    """What the gate says, in one sentence."""
    name, queries, depth = found["name"], found["queries"], found["depth"]
    gap = f"{found['after'] - found['before']:+.3f} [{found['low']:+.3f}, {found['high']:+.3f}]"
    if found["better"]:
        return Words(
            f"Reranking the hybrid's first {depth} articles by {name} gains {gap} ndcg@10 on {queries} validation queries.",
            f"{name}: 하이브리드 상위 조문 {depth}개를 재순위화하면 검증 질의 {queries}개의 ndcg@10이 {gap} 좋아집니다.",
        )
    return Words(
        f"Reranker {name} is kept out of search: on {queries} validation queries it changes the hybrid's ndcg@10 by {gap}, "
        "an interval that doesn't lie above 0.",
        f"재순위 모델 {name}은(는) 검색에 쓰지 않습니다. 검증 질의 {queries}개에서 하이브리드의 ndcg@10을 {gap} 바꾸며, "
        "이 구간이 0보다 크지 않습니다.",
    )


def cost(found: Mapping[str, Any], pairs: int, seconds: float) -> str:
    """What reranking costs here, where any pair went through the model; times are no figures of a stage."""
    if not pairs:
        return ""
    each, rate = found["pairs"] / found["queries"], pairs / max(seconds, 1e-9)
    return f" {each:.1f} pairs a query, {rate:.0f} pairs a second here: {1000 * each / rate:.0f} ms a query."


def _headline(run: Run, gold: Mapping[str, Sequence[str]]) -> np.ndarray:
    scores = evaluate_run(run, gold, (10,))
    return np.array([scores[query_id][HEADLINE] for query_id in gold])


def _round(value: float) -> float:
    return round(float(value), 6)
