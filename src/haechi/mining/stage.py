"""Everything that mine does between reading and writing: search once for all queries, then mine train and valid apart."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from haechi.law.twins import with_twins
from haechi.mining.mine import Query, mine
from haechi.params.mine import MineParams
from haechi.params.retrieval import RetrievalParams
from haechi.records.mined import MinedExample
from haechi.records.pair import Pair
from haechi.records.passage import Passage
from haechi.records.question import Question
from haechi.retrieval.bm25 import Bm25
from haechi.retrieval.dense import encode_passages, encode_queries, search
from haechi.tokens import tokenize

if TYPE_CHECKING:
    from sentence_transformers import SentenceTransformer


@dataclass(frozen=True)
class MinedAll:
    """Training and validation examples with their counts."""

    train: tuple[MinedExample, ...]
    valid: tuple[MinedExample, ...]
    counts: dict[str, object]


def mine_all(
    train_pairs: Sequence[Pair],
    valid_pairs: Sequence[Pair],
    questions: Sequence[Question],
    corpus: Sequence[Passage],
    model: "SentenceTransformer",
    reserved: frozenset[str],
    params: MineParams,
    retrieval: RetrievalParams,
) -> MinedAll:
    """Mine both splits with the same candidates and filters; the cap on reuse counts within a split."""
    reserved = with_twins(reserved, corpus)
    train = [_from_pair(pair) for pair in train_pairs]
    if params.questions:
        train += [_from_question(question) for question in questions]
    valid = [_from_pair(pair) for pair in valid_pairs]
    queries = train + valid
    ids = [passage.id for passage in corpus]
    passage_vectors = encode_passages(model, [passage.text for passage in corpus])
    query_vectors = encode_queries(model, [query.text for query in queries])
    query_ids = [query.id for query in queries]
    index = Bm25(ids, tokenize([passage.text for passage in corpus]), retrieval)
    bm25 = index.search(query_ids, tokenize([query.text for query in queries]), params.bm25_top)
    dense = search(query_ids, query_vectors, ids, passage_vectors, params.dense_top)
    border = len(train)
    first = mine(train, query_vectors[:border], corpus, passage_vectors, bm25, dense, reserved, params)
    second = mine(valid, query_vectors[border:], corpus, passage_vectors, bm25, dense, reserved, params)
    return MinedAll(first.examples, second.examples, {"train": first.counts, "valid": second.counts})


def _from_pair(pair: Pair) -> Query:
    related = frozenset({*pair.meta.cocited, pair.meta.source_id})  # a decision's own text is no wrong answer to it
    return Query(pair.query_id, pair.query_text, pair.positive_passages, pair.hard_negatives, related, pair.meta.type)


def _from_question(question: Question) -> Query:
    related = frozenset({question.article_key})
    return Query(question.question_id, question.question, (question.passage_id,), (), related, "question")
