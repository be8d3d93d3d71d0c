"""Candidates that beat a query's own positive: a judge may make positives of them."""

from collections.abc import Callable, Sequence

import numpy as np

from haechi.mining.candidates import Candidates, Flags, Floats, Ints
from haechi.mining.filters import CODE, Fates, rank_in_query

Judge = Callable[[Candidates, Fates], Flags]
"""True where the candidate, which would have met this fate, answers its query."""
PairJudge = Callable[[Sequence[tuple[str, str]]], Sequence[bool]]
"""True where the passage answers the query, from their texts: what an LLM is asked."""

MAY_RISE = (CODE["above_margin"], CODE["cocited"])
"""Fates out of which a candidate may rise; a reserved passage never does."""


def rising(candidates: Candidates, fates: Fates, lowest: Floats, judge: Judge, most: int) -> Ints:
    """Rows that become positives: scored above the worst positive, the best few of each query, where the judge says so."""
    above = np.flatnonzero(np.isin(fates, MAY_RISE) & (candidates.score > lowest[candidates.query]))
    above = above[rank_in_query(candidates.take(above)) < most]
    return above[judge(candidates.take(above), fates[above])] if len(above) else above


def agreement(candidates: Candidates, fates: Fates) -> Flags:
    """The scores put it above the positive, and the court cites it in the same decision."""
    cited: Flags = fates == CODE["cocited"]
    return cited


def by_text(judge: PairJudge, queries: Sequence[str], passages: Sequence[str]) -> Judge:
    """A judge of texts as a judge of candidates."""

    def answers(candidates: Candidates, fates: Fates) -> Flags:
        pairs = [(queries[q], passages[p]) for q, p in zip(candidates.query, candidates.passage, strict=True)]
        return np.array(judge(pairs), dtype=bool)

    return answers
