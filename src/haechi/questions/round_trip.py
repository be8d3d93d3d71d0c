"""Does a search for a question find its passage? The place at which it does, by BM25 or by the untuned base."""

from collections.abc import Mapping, Sequence

from haechi.inference.cached_encoder import Encoder
from haechi.models.load import AnyEncoder
from haechi.questions.words import Words
from haechi.records.passage import Passage
from haechi.records.question import Question
from haechi.retrieval.bm25 import Bm25
from haechi.retrieval.dense import search
from haechi.retrieval.params import RetrievalParams
from haechi.retrieval.run import Run
from haechi.rowstore.store import Store

BLOCK = 2048
"""Questions searched at once: the lists found are not kept."""


def bm25_ranks(
    questions: Sequence[Question],
    tokens: Sequence[list[str]],
    corpus: Sequence[Passage],
    words: Words,
    params: RetrievalParams,
    depth: int,
) -> dict[str, int]:
    """question_id -> place of its passage or of a twin, from 1; without an entry where it isn't among the first `depth`."""
    index = Bm25([p.id for p in corpus], words.of([p.text for p in corpus]), params)
    accepted = _accepted(corpus)
    ranks: dict[str, int] = {}
    for start in range(0, len(questions), BLOCK):
        block = questions[start : start + BLOCK]
        run = index.search([q.question_id for q in block], tokens[start : start + BLOCK], depth)
        ranks |= _ranks(block, run, accepted)
    return ranks


def dense_ranks(
    questions: Sequence[Question], corpus: Sequence[Passage], model: AnyEncoder, store: Store, depth: int
) -> dict[str, int]:
    """The same, by the cosine of a model."""
    encoder = Encoder(model, store)
    passages = encoder.passages([p.text for p in corpus])
    ids, accepted = [p.id for p in corpus], _accepted(corpus)
    ranks: dict[str, int] = {}
    for start in range(0, len(questions), BLOCK):
        block = questions[start : start + BLOCK]
        vectors = encoder.queries([q.question for q in block])
        ranks |= _ranks(block, search([q.question_id for q in block], vectors, ids, passages, depth), accepted)
    return ranks


def _accepted(corpus: Sequence[Passage]) -> dict[str, frozenset[str]]:
    return {p.id: frozenset({p.id, *p.twins}) for p in corpus}


def _ranks(questions: Sequence[Question], run: Run, accepted: Mapping[str, frozenset[str]]) -> dict[str, int]:
    found = {}
    for q in questions:
        place = next((i for i, s in enumerate(run[q.question_id], start=1) if s.id in accepted[q.passage_id]), 0)
        if place:
            found[q.question_id] = place
    return found
