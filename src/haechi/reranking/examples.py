"""Which mined examples a reranker can learn from."""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import replace

from haechi.records.mined import MinedExample
from haechi.reranking.params import FOLLOWS, RerankerParams
from haechi.runtime.errors import HaechiError
from haechi.runtime.progress import say


def usable(examples: Sequence[MinedExample], params: RerankerParams) -> list[MinedExample]:
    """Those with a negative, less negatives that may answer the same query, whichever example says so."""
    answers: defaultdict[str, set[str]] = defaultdict(set)
    for example in examples:
        _check_scores(example, params)
        answers[example.query].update((*example.pos_ids, *example.related))
    kept = [example for one in examples if (example := _without(one, answers[one.query])).neg]
    if not kept:
        raise HaechiError(
            f"train_reranker: none of the {len(examples)} examples has a negative, and a list of one has no order; "
            "`haechi stage mine` shows what was dropped"
        )
    if len(kept) < len(examples):
        say(f"train_reranker: {len(examples) - len(kept)} of {len(examples)} examples have no negative and are left out")
    return kept


def _without(example: MinedExample, answers: set[str]) -> MinedExample:
    stays = [place for place, id in enumerate(example.neg_ids) if id not in answers]
    if len(stays) == len(example.neg):
        return example
    return replace(
        example,
        neg=tuple(example.neg[i] for i in stays),
        neg_ids=tuple(example.neg_ids[i] for i in stays),
        neg_scores=tuple(example.neg_scores[i] for i in stays),
        neg_reasons=tuple(example.neg_reasons[i] for i in stays),
    )


def _check_scores(example: MinedExample, params: RerankerParams) -> None:
    for texts, scores in ((example.pos, example.pos_scores), (example.neg, example.neg_scores)):
        if len(texts) != len(scores):
            raise HaechiError(
                f"train_reranker: example {example.query_id} has {len(texts)} passages and a teacher's scores for {len(scores)}; "
                "mine again"
            )
        if params.loss in FOLLOWS and any(score != score for score in scores):
            raise HaechiError(
                f"train_reranker: a score of example {example.query_id} is not a number, and loss {params.loss} follows it; "
                "mine again, or take another reranker.loss"
            )
