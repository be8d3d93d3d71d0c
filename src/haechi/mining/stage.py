"""Everything that mine does between reading and writing: search once for all queries, then mine train and valid apart."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from haechi.corpus.duplicates import with_duplicates
from haechi.inference.cached import Stored
from haechi.inference.cached_encoder import Encoder
from haechi.inference.cached_reranker import Gate, Reranker, gate, rerank
from haechi.mining.apply_filters import Scorer
from haechi.mining.mine import Advice, Mined, Searched, mine
from haechi.mining.params import MineParams
from haechi.mining.promote import AGREEMENT, Judge
from haechi.mining.relevance import Corpus, Query
from haechi.models.load import AnyEncoder, weight_hash
from haechi.records.mined import MinedExample
from haechi.records.pair import Pair
from haechi.records.passage import Passage
from haechi.records.question import Question
from haechi.retrieval.bm25 import Bm25
from haechi.retrieval.dense import search
from haechi.retrieval.fuse import reciprocal_rank
from haechi.retrieval.params import RetrievalParams
from haechi.retrieval.run import Run
from haechi.rowstore.store import Store
from haechi.runtime.errors import HaechiError
from haechi.runtime.progress import listed, say

if TYPE_CHECKING:
    from sentence_transformers import CrossEncoder


@dataclass(frozen=True)
class ToMine:
    """Queries of both splits, what is searched, and what must be no negative's source."""

    train: Sequence[Query]
    valid: Sequence[Query]
    corpus: Sequence[Passage]
    reserved: frozenset[str]
    """Articles, documents and decisions of the test set, and what validation keeps for itself."""


@dataclass(frozen=True)
class Models:
    """Who finds and who judges candidates."""

    encoder: AnyEncoder
    reranker: "CrossEncoder | None" = None
    reader: Judge | None = None
    """May promote candidates, whoever scores."""


@dataclass(frozen=True)
class MinedAll:
    """Both splits; the cap on reuse counts within a split."""

    train: Mined
    valid: Mined
    corpus: Corpus
    judge: dict[str, object]
    """Whose scores decide, and how the reranker did on labelled validation positives."""

    @property
    def counts(self) -> dict[str, Any]:
        """Counts of both."""
        return {"judge": self.judge, "train": self.train.counts, "valid": self.valid.counts}


def mine_all(given: ToMine, models: Models, params: MineParams, retrieval: RetrievalParams, store: Store) -> MinedAll:
    """Mine both splits with the same candidates and filters."""
    queries = [*given.train, *given.valid]
    corpus = Corpus(given.corpus, with_duplicates(given.reserved, given.corpus), decisions_of(queries))
    near = corpus.near_duplicates(positives(corpus, queries, params), params.near_duplicate)
    searched = search_all(queries, given.corpus, models.encoder, params, retrieval, store)
    scorer: Scorer | None = None
    judge: dict[str, object] = {"scores": "encoder"}
    if models.reranker is not None:
        scorer, judge = _gated_scorer(Reranker(models.reranker, store, params.precision), given.valid, searched, corpus, params)
        judge = {"reranker": weight_hash(models.reranker)[:12], **judge}
    cheap: Scorer | None = None
    if models.reranker and scorer and params.reranker_prescore != "none":
        cheap = Reranker(models.reranker, store, compiled_to=params.reranker_prescore).scores
    agreement = AGREEMENT if params.promote == "agreement" and scorer else None
    advice = Advice(scorer, models.reader or agreement, cheap=cheap)
    vectors, border = searched.query_vectors, len(given.train)
    train = mine(given.train, replace(searched, query_vectors=vectors[:border]), corpus, near, params, advice)
    valid = mine(given.valid, replace(searched, query_vectors=vectors[border:]), corpus, near, params, advice)
    return MinedAll(train, valid, corpus, judge)


def _gated_scorer(
    reranker: Reranker, valid: Sequence[Query], searched: Searched, corpus: Corpus, params: MineParams
) -> tuple[Scorer | None, dict[str, object]]:
    """The reranker's scores where it earns its place on validation, and how it did there."""
    outcome = gated(valid, searched, corpus, reranker)
    used = outcome.passed or params.reranker_forced
    if not outcome.passed:
        say(
            f"mine: the reranker ranks validation positives worse (MRR {outcome.after:.3f}) than BM25 and the encoder "
            f"together ({outcome.before:.3f}); it is {'used all the same (mine.reranker_forced)' if used else 'not used'}"
        )
    judge: dict[str, object] = {
        "scores": "reranker" if used else "encoder",
        "mrr_fused": outcome.before,
        "mrr_reranked": outcome.after,
    }
    return (reranker.scores if used else None), judge


def summary(counts: Mapping[str, Any]) -> tuple[str, str, dict[str, int], str]:
    """What came in, what went out, what was dropped by reason, and what to know of it, for the screen."""
    train, valid = counts["train"], counts["valid"]
    read = f"{sum(train['sources'].values()):,} training queries ({listed(train['sources'])}), "
    read += f"{sum(valid['sources'].values()):,} validation queries; {train['candidates']['met']:,} candidates for negatives"
    made = f"{train['examples']:,} training examples with {train['negatives']['kept']:,} negatives, "
    made += f"{valid['examples']:,} validation examples"
    empty = train["examples_without_negatives"]
    return read, made, train["dropped"], f"No negative was left for {empty:,} training queries." if empty else ""


def search_all(
    queries: Sequence[Query],
    corpus: Sequence[Passage],
    model: AnyEncoder,
    params: MineParams,
    retrieval: RetrievalParams,
    store: Store,
) -> Searched:
    """Vectors and candidates of all queries; what was made for a text once is in the store."""
    ids, texts = [passage.id for passage in corpus], [passage.text for passage in corpus]
    query_ids, query_texts = [query.id for query in queries], [query.text for query in queries]
    if not ids:
        raise HaechiError("mine: the corpus is empty")
    stored = Stored(store)
    encoder = Encoder(model, store, params.precision)
    passage_vectors, query_vectors = encoder.passages(texts), encoder.queries(query_texts)
    bm25 = dense = Run({})
    if params.bm25_top:
        bm25 = Bm25(ids, stored.tokens(texts), retrieval).search(query_ids, stored.tokens(query_texts), params.bm25_top)
    if params.dense_top:
        dense = search(query_ids, query_vectors, ids, passage_vectors, params.dense_top)
    return Searched(query_vectors, passage_vectors, bm25, dense)


def gated(valid: Sequence[Query], searched: Searched, corpus: Corpus, reranker: Reranker) -> Gate:
    """Whether the reranker ranks the positives of validation queries at least as well as both searches fused."""
    fused = reciprocal_rank([searched.bm25, searched.dense])
    validation = Run({query.id: fused[query.id] for query in valid})
    texts = {passage.id: passage.text for passage in corpus.passages}
    depth = max((len(validation[id]) for id in validation), default=0)
    reranked = rerank(validation, reranker, {query.id: query.text for query in valid}, texts, depth)
    return gate(validation, reranked, {query.id: frozenset(query.positives) for query in valid})


def queries_of(pairs: Iterable[Pair], questions: Iterable[Question] = ()) -> list[Query]:
    """What is mined: pairs with all that their decision cites, questions with the article that they were made from."""
    return [*map(_from_pair, pairs), *map(_from_question, questions)]


def not_mined_before(queries: Sequence[Query], examples: Iterable[MinedExample]) -> list[Query]:
    """The queries that none of these examples has with the same answers."""
    answers = {(example.query_id, example.query): frozenset(example.pos_ids) for example in examples}
    return [q for q in queries if (q.id, q.text) not in answers or not answers[q.id, q.text].issuperset(q.positives)]


def decisions_of(queries: Iterable[Query]) -> list[list[str]]:
    """What each decision cites: its queries all carry the same, its own id among it."""
    return sorted(sorted(cited) for cited in {query.related_keys for query in queries})


def positives(corpus: Corpus, queries: Iterable[Query], params: MineParams) -> np.ndarray:
    """Rows whose near-duplicates matter: all positives, and whatever may become one."""
    if params.promote != "none":
        return np.arange(len(corpus))
    return np.array(
        sorted({corpus.number[id] for query in queries for id in query.positives if id in corpus.number}), dtype=np.int64
    )


def _from_pair(pair: Pair) -> Query:
    related = frozenset({*pair.meta.cocited, pair.meta.source_id})  # a decision's own text is no wrong answer to it
    return Query(pair.query_id, pair.query_text, pair.positive_passages, pair.hard_negatives, related, pair.meta.type)


def _from_question(question: Question) -> Query:
    related = frozenset({question.article_key})
    return Query(question.question_id, question.question, (question.passage_id,), (), related, "question")
