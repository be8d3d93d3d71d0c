"""Candidates that beat a query's own positive: a judge may make positives of them."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from haechi.llm.judge import Judgeable, rated
from haechi.llm.params import LlmParams
from haechi.mining.candidates import Candidates, Floats, Ints
from haechi.mining.filters import CODE, Fates, rank_in_query
from haechi.rowstore.store import Store
from haechi.runtime.progress import say

Pairs = Sequence[tuple[str, str]]
"""(query text, passage text)"""


@dataclass(frozen=True)
class Judge:
    """Who may rise, and which of them answer their query."""

    may_rise: tuple[str, ...]
    """Fates out of which a candidate may rise; that of a reserved passage is never among them."""
    answers: Callable[[Pairs], Sequence[bool]]
    """True where the passage answers the query."""


AGREEMENT = Judge(("cocited",), lambda pairs: [True] * len(pairs))
"""The reranker puts it above the positive, and the court cites it in the same decision: nobody else needs to be asked."""


def reader(answers: Callable[[Pairs], Sequence[bool]]) -> Judge:
    """A judge who reads, and so needs no court to agree."""
    return Judge(("above_margin", "cocited", "together"), answers)


def llm_judge(llm: LlmParams, threshold: int, store: Store, environ: Mapping[str, str]) -> Judge:
    """Says yes to what the model rates at least so high, of 10; an answer without a score is a no."""

    def answers(pairs: Pairs) -> list[bool]:
        to_judge = [Judgeable(str(i), f"mine, pair {i}", query, passage) for i, (query, passage) in enumerate(pairs)]
        scores = rated(lambda: to_judge, llm, store, environ)
        agreed = [(score := scores[one.id]) is not None and score >= threshold for one in to_judge]
        unread = sum(scores[one.id] is None for one in to_judge)
        say(
            f"mine: the judge reads {len(to_judge)} candidates above a positive, promotes {sum(agreed)}; {unread} without a score"
        )
        return agreed

    return reader(answers)


def promotable(
    candidates: Candidates, fates: Fates, lowest: Floats, judge: Judge, most: int, texts: Callable[[Candidates], Pairs]
) -> Ints:
    """Rows that become positives: of those scored above the worst positive, the best few of each query, if the judge agrees."""
    allowed = np.isin(fates, [CODE[name] for name in judge.may_rise])
    above = np.flatnonzero(allowed & (candidates.score > lowest[candidates.query]))
    above = above[rank_in_query(candidates.take(above)) < most]
    return above[np.array(judge.answers(texts(candidates.take(above))), dtype=bool)] if len(above) else above
