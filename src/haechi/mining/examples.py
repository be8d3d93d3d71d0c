"""The fates of candidates -> training examples, and the counts that a reader needs to believe them."""

from collections import Counter
from collections.abc import Mapping, Sequence

import numpy as np

from haechi.mining.candidates import WAYS, Candidates, Ints, names_of_ways
from haechi.mining.filters import FATES, Fates
from haechi.mining.params import MineParams
from haechi.mining.relevance import Corpus, Query, Relevant, may_answer
from haechi.records.mined import MinedExample


def make_examples(
    queries: Sequence[Query], corpus: Corpus, relevant: Relevant, candidates: Candidates, chosen: Mapping[int, Ints]
) -> list[MinedExample]:
    """One example a query, negatives in the order in which they were chosen; scores are those that the margin went by."""
    ways = names_of_ways()
    own = np.flatnonzero(relevant.positives.has(candidates.query, candidates.passage))
    score_of = dict(zip(zip(candidates.query[own].tolist(), candidates.passage[own].tolist(), strict=True), own, strict=True))
    examples = []
    for row, query in enumerate(queries):
        positives = [corpus.number[id] for id in query.positives]
        taken = chosen.get(row, np.zeros(0, dtype=np.int64))
        negatives = [corpus.passages[p] for p in candidates.passage[taken].tolist()]
        examples.append(
            MinedExample(
                query=query.text,
                pos=tuple(corpus.passages[p].text for p in positives),
                neg=tuple(passage.text for passage in negatives),
                pos_scores=tuple(round(float(candidates.score[score_of[row, p]]), 6) for p in positives),
                neg_scores=tuple(round(score, 6) for score in candidates.score[taken].tolist()),
                query_id=query.id,
                pos_ids=query.positives,
                neg_ids=tuple(passage.id for passage in negatives),
                neg_reasons=tuple(ways[way] for way in candidates.found_by[taken].tolist()),
                related=may_answer(row, query, corpus, relevant),
                source=query.source,
            )
        )
    return examples


def count(
    queries: Sequence[Query],
    corpus: Corpus,
    relevant: Relevant,
    candidates: Candidates,
    fates: Fates,
    examples: Sequence[MinedExample],
    params: MineParams,
) -> dict[str, object]:
    """What came in, what was kept, and what was dropped by reason."""
    met = candidates.found_by > 0
    by_fate = {name: int(number) for name, number in zip(FATES, np.bincount(fates[met], minlength=len(FATES)), strict=True)}
    origins = Counter(reason for example in examples for reason in example.neg_reasons)
    kept = len(examples) if params.empty == "keep" else sum(1 for example in examples if example.neg)
    own = relevant.positives.has(candidates.query, candidates.passage)
    unknown = sum(1 for query in queries for id in query.structural if id not in corpus.number)
    return {
        "examples": kept,
        "positives": {
            "given": len(relevant.positives.keys) - by_fate["promoted"],
            "found_by_bm25": int((candidates.bm25_rank[own] > 0).sum()),
            "found_by_dense": int((candidates.dense_rank[own] > 0).sum()),
            "promoted": by_fate["promoted"],
        },
        "candidates": {
            "met": int(met.sum()),
            **{way: int((candidates.found_by >> bit & 1).sum()) for bit, way in enumerate(WAYS)},
        },
        "negatives": {"kept": by_fate["chosen"], **dict(sorted(origins.items()))},
        "spare": by_fate["spare"],
        "dropped": {
            name: number
            for name, number in sorted(by_fate.items())
            if number and name not in ("positive", "promoted", "chosen", "spare")
        },
        "structural_unknown": unknown,
        "examples_short_of_negatives": sum(1 for example in examples if len(example.neg) < params.num_negatives),
        "examples_without_negatives": sum(1 for example in examples if not example.neg),
        "sources": dict(sorted(Counter(example.source for example in examples).items())),
    }


def suspicious(candidates: Candidates, relevant: Relevant, queries: Sequence[Query]) -> Ints:
    """Rows of queries for which neither BM25 nor the encoder found a positive: mislabelled, or beyond both."""
    own = (candidates.bm25_rank > 0) | (candidates.dense_rank > 0)
    own &= relevant.positives.has(candidates.query, candidates.passage) & (candidates.found_by > 0)
    return np.setdiff1d(np.arange(len(queries)), candidates.query[own])
