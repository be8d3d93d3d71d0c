"""Queries -> training examples: hybrid candidates, sieved by what is known about them, chosen by score, none overused.

Which passages are hard is decided by the encoder and BM25, and by a reranker where there is one; which are wrong by citations,
equal words and the margin. Nothing depends on the order in which queries or passages come.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from haechi.mining.apply_filters import Rules, Scorer
from haechi.mining.candidates import RANDOM, Candidates, Floats, Ints, bare, gather, joined, ranking
from haechi.mining.examples import count, make_examples, suspicious
from haechi.mining.filters import CODE, KNOWLEDGE, Fates
from haechi.mining.params import MineParams
from haechi.mining.promote import Judge, promotable
from haechi.mining.relevance import Corpus, Query, find_relevant
from haechi.mining.rerank_in_blocks import scored
from haechi.mining.sampling import Doubles, Hashes, Sampler, draw, hashes, priority, random_keys, turns
from haechi.records.mined import MinedExample
from haechi.retrieval.dense import Vectors
from haechi.retrieval.run import Run
from haechi.runtime.errors import HaechiError


@dataclass(frozen=True)
class Searched:
    """What two retrievers say: vectors in the order of the queries and of the passages, and their lists."""

    query_vectors: Vectors
    passage_vectors: Vectors
    bm25: Run
    dense: Run


@dataclass(frozen=True)
class Advice:
    """Who is asked beside the encoder, and what is switched off."""

    scorer: Scorer | None = None
    judge: Judge | None = None
    without: frozenset[str] = frozenset()
    """Filters that don't act: for measurements."""
    cheap: Scorer | None = None
    """Scores nearly as the scorer does, for less."""


@dataclass(frozen=True)
class Mined:
    """Examples, and the fate of every candidate of every query."""

    examples: tuple[MinedExample, ...]
    counts: dict[str, object]
    queries: tuple[Query, ...]
    """Sorted by id, with promoted positives; the numbers in `candidates` are places here."""
    candidates: Candidates
    fates: Fates
    lowest: Floats
    """The score of each query's worst positive."""
    suspicious: frozenset[int]
    """Queries none of whose positives was found."""
    reranked: bool
    """Whether scores are a reranker's, not cosines."""


def mine(
    queries: Sequence[Query],
    searched: Searched,
    corpus: Corpus,
    near: Mapping[int, Ints],
    params: MineParams,
    advice: Advice | None = None,
) -> Mined:
    """Mine every query that has a positive; the others are counted."""
    advice = advice or Advice()
    _check(queries, searched, corpus)
    places = [i for i in sorted(range(len(queries)), key=lambda i: queries[i].id) if queries[i].positives]
    without_positives = len(queries) - len(places)
    queries = [queries[i] for i in places]
    rules = Rules(
        find_relevant(queries, corpus, near, params.cited_together),
        queries,
        searched.query_vectors[places],
        corpus,
        searched.passage_vectors[corpus.order],
        params,
        advice.scorer,
        advice.without,
        advice.cheap,
    )
    candidates = rules.with_cosines(_candidates_of(rules, searched))
    fates = rules.by_relevance(candidates)
    risers = set(advice.judge.may_rise) & set(KNOWLEDGE) if advice.judge else set()
    compared = np.isin(fates, [CODE[name] for name in ("positive", *sorted(risers))])
    candidates, lowest = scored(rules, params, candidates, fates, compared)
    fates = rules.by_score(candidates, fates, lowest)
    if advice.judge:
        risen = promotable(candidates, fates, lowest, advice.judge, params.promote_most, rules.texts)
        queries = _with_positives(queries, corpus, candidates.take(risen))
        rules = replace(rules, queries=queries, relevant=find_relevant(queries, corpus, near, params.cited_together))
        fates = rules.by_score(candidates, rules.by_relevance(candidates), lowest)
        fates[risen] = CODE["promoted"]

    chooser = _Chooser(rules, lowest)
    candidates, fates, chosen = chooser.choose(candidates, fates)
    examples = make_examples(queries, corpus, rules.relevant, candidates, chosen)
    counts = count(queries, corpus, rules.relevant, candidates, fates, examples, params)
    searching = params.bm25_top or params.dense_top
    lost = frozenset(suspicious(candidates, rules.relevant, queries).tolist() if searching else ())
    counts |= {
        "queries_without_positives": without_positives,
        "suspicious": dict(sorted(Counter(queries[row].source for row in lost).items())),
    }
    kept = tuple(example for example in examples if example.neg or params.empty == "keep")
    return Mined(kept, counts, tuple(queries), candidates, fates, lowest, lost, advice.scorer is not None)


class _Chooser:
    """Chooses, and fills up with random passages where asked to."""

    def __init__(self, rules: Rules, lowest: Floats) -> None:
        self._rules, self._params, self._lowest = rules, rules.params, lowest
        self._queries: Hashes = hashes([query.id for query in rules.queries])
        self._passages: Hashes = hashes([passage.id for passage in rules.corpus.passages])
        self._sampler = Sampler(turns(self._params.seed, self._queries), len(rules.corpus), self._params.max_uses)

    def choose(self, candidates: Candidates, fates: Fates) -> tuple[Candidates, Fates, dict[int, Ints]]:
        """Candidates, random ones among them, their fates, and the rows that each query took."""
        params = self._params
        wanted = np.full(len(self._queries), params.num_negatives)
        order = priority(candidates.score, self._draws(candidates), params)
        fates, chosen = self._sampler(candidates, fates, order, wanted, params.sampling_strategy == "spread")
        missing = wanted - np.array([len(chosen.get(row, ())) for row in range(len(wanted))], dtype=np.int64)
        if params.too_few == "fewer" or not missing.any():
            return candidates, fates, chosen
        extra, extra_fates = self._random(candidates, missing)
        extra_fates, filled = self._sampler(extra, extra_fates, self._draws(extra), missing, spread=False)
        for row, taken in filled.items():
            chosen[row] = np.r_[chosen.get(row, taken[:0]), taken + len(candidates)]
        return joined(candidates, extra), np.r_[fates, extra_fates], chosen

    def _random(self, candidates: Candidates, missing: Ints) -> tuple[Candidates, Fates]:
        """Random passages that were not met yet, through the same filters."""
        rules, passages = self._rules, len(self._rules.corpus)
        short = np.flatnonzero(missing)
        keys = random_keys(self._params.seed, self._queries, short, missing[short], passages)
        keys = keys[~np.isin(keys, candidates.query * passages + candidates.passage)]
        extra = rules.with_cosines(bare(keys, passages, RANDOM))
        fates = rules.by_relevance(extra)
        extra = rules.with_scores(extra, fates == 0)
        return extra, rules.by_score(extra, fates, self._lowest)

    def _draws(self, candidates: Candidates) -> Doubles:
        return draw(self._params.seed, self._queries[candidates.query], self._passages[candidates.passage])


def _check(queries: Sequence[Query], searched: Searched, corpus: Corpus) -> None:
    """Refuse vectors that can't be compared, and queries that can't be told apart."""
    query_vectors, passages = searched.query_vectors, searched.passage_vectors
    if len(passages) != len(corpus) or len(query_vectors) != len(queries):
        raise HaechiError(
            f"mine: {len(passages)} vectors for {len(corpus)} passages, {len(query_vectors)} for {len(queries)} queries; "
            "each needs one"
        )
    if query_vectors.shape[1:] != passages.shape[1:]:
        raise HaechiError(
            f"mine: vectors of queries have {query_vectors.shape[1]} dimensions, those of passages {passages.shape[1]}; "
            "they come from different models"
        )
    for what, vectors, ids in (
        ("query", query_vectors, [query.id for query in queries]),
        ("passage", passages[corpus.order], [passage.id for passage in corpus.passages]),
    ):
        bad = np.flatnonzero(~np.isfinite(vectors).all(axis=1))
        if len(bad):
            raise HaechiError(f"mine: the vector of {what} {ids[bad[0]]} is not finite")
    twice = [id for id, times in Counter(query.id for query in queries).items() if times > 1]
    if twice:
        raise HaechiError(f"mine: query id {min(twice)} occurs twice")


def _candidates_of(rules: Rules, searched: Searched) -> Candidates:
    """Everything that was found, and the queries' own positives."""
    corpus, ids = rules.corpus, [query.id for query in rules.queries]
    siblings = [
        row * len(corpus) + corpus.number[id]
        for row, query in enumerate(rules.queries)
        for id in (query.structural if rules.params.structural else ())
        if id in corpus.number
    ]
    bm25, dense = (ranking(run, ids, corpus.number) for run in (searched.bm25, searched.dense))
    structural = np.array(siblings, dtype=np.int64)
    return gather(bm25, dense, structural, rules.relevant.positives.keys, len(corpus))


def _with_positives(queries: Sequence[Query], corpus: Corpus, risen: Candidates) -> list[Query]:
    """The queries with their new positives behind the old ones."""
    more: dict[int, list[str]] = {}
    for query, passage in zip(risen.query.tolist(), risen.passage.tolist(), strict=True):
        more.setdefault(query, []).append(corpus.passages[passage].id)
    return [replace(query, positives=(*query.positives, *more.get(row, ()))) for row, query in enumerate(queries)]
