"""Candidates that beat a query's own positive: a judge may make positives of them."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from haechi.mining.candidates import Candidates, Flags, Floats, Ints
from haechi.mining.filters import CODE, Fates, rank_in_query

PairJudge = Callable[[Sequence[tuple[str, str]]], Sequence[bool]]
"""True where the passage answers the query, from their texts: what an LLM is asked."""


@dataclass(frozen=True)
class Judge:
    """Who may rise, and which of them answer their query."""

    may_rise: tuple[str, ...]
    """Fates out of which a candidate may rise; that of a reserved passage is never among them."""
    answers: Callable[[Candidates], Flags]


AGREEMENT = Judge(("cocited",), lambda candidates: np.ones(len(candidates), dtype=bool))
"""The reranker puts it above the positive, and the court cites it in the same decision: nobody else needs to be asked."""


def by_text(judge: PairJudge, queries: Sequence[str], passages: Sequence[str]) -> Judge:
    """A judge who reads; queries and passages are texts in the order of their numbers."""

    def answers(candidates: Candidates) -> Flags:
        pairs = [(queries[q], passages[p]) for q, p in zip(candidates.query, candidates.passage, strict=True)]
        return np.array(judge(pairs), dtype=bool)

    return Judge(("above_margin", "cocited"), answers)


def rising(candidates: Candidates, fates: Fates, lowest: Floats, judge: Judge, most: int) -> Ints:
    """Rows that become positives: of those scored above the worst positive, the best few of each query, if the judge agrees."""
    allowed = np.isin(fates, [CODE[name] for name in judge.may_rise])
    above = np.flatnonzero(allowed & (candidates.score > lowest[candidates.query]))
    above = above[rank_in_query(candidates.take(above)) < most]
    return above[judge.answers(candidates.take(above))] if len(above) else above
