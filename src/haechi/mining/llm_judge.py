"""A language model that reads candidates which beat a query's own positive; its answers are rows."""

from collections.abc import Mapping

from haechi.llm.judge import Asked, rated
from haechi.llm.params import LlmParams
from haechi.mining.promote import Judge, Pairs, reader
from haechi.rowstore.store import Store
from haechi.runtime.progress import say


def llm_judge(llm: LlmParams, threshold: int, store: Store, environ: Mapping[str, str]) -> Judge:
    """Says yes to what the model rates at least so high, of 10; an answer without a score is a no."""

    def answers(pairs: Pairs) -> list[bool]:
        asked = [Asked(str(i), f"mine, pair {i}", query, passage) for i, (query, passage) in enumerate(pairs)]
        scores = rated(lambda: asked, llm, store, environ)
        agreed = [(score := scores[one.id]) is not None and score >= threshold for one in asked]
        unread = sum(scores[one.id] is None for one in asked)
        say(f"mine: the judge reads {len(asked)} candidates above a positive, promotes {sum(agreed)}; {unread} without a score")
        return agreed

    return reader(answers)
