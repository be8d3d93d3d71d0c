"""Queries -> training examples: hybrid candidates, sieved by what is known about them, hardest first, none overused.

Which passages are hard is decided by the base model and BM25; which are wrong by citations, twins and the margin.
Queries go in order of id, so that the cap on reuse gives the same result in every run.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from haechi.errors import HaechiError
from haechi.mining import candidates as sieves
from haechi.mining.candidates import Candidate, Wanted
from haechi.params.mine import MineParams
from haechi.records.mined import MinedExample
from haechi.records.passage import Passage
from haechi.retrieval.dense import Vectors
from haechi.retrieval.run import Run


@dataclass(frozen=True, slots=True)
class Query:
    """A pair or a question on its way to become an example."""

    id: str
    text: str
    positives: tuple[str, ...]
    structural: tuple[str, ...]
    related_keys: frozenset[str]
    source: str


@dataclass(frozen=True)
class Mined:
    """Examples and the fate of the candidates."""

    examples: tuple[MinedExample, ...]
    counts: dict[str, object]


def mine(
    queries: Sequence[Query],
    query_vectors: Vectors,
    corpus: Sequence[Passage],
    passage_vectors: Vectors,
    bm25: Run,
    dense: Run,
    reserved: frozenset[str],
    params: MineParams,
) -> Mined:
    """Mine every query."""
    row = {passage.id: i for i, passage in enumerate(corpus)}
    by_id = {passage.id: passage for passage in corpus}
    texts = {passage.id: passage.text for passage in corpus}
    by_article: dict[str, list[str]] = {}
    for passage in corpus:
        by_article.setdefault(passage.article_key, []).append(passage.id)
    filters = [
        ("positive_or_twin", sieves.not_positive({p.id: frozenset(p.twins) for p in corpus})),
        ("same_article", sieves.other_article),
        ("cocited", sieves.not_cocited),
        ("reserved", sieves.not_reserved(reserved)),
        ("above_margin", sieves.below_margin(params.margin)),
        ("near_duplicate", sieves.not_near_duplicate(texts, params.near_duplicate)),
    ]
    uses: Counter[str] = Counter()
    reasons: Counter[str] = Counter()
    origins: Counter[str] = Counter()
    short = 0
    examples = []
    order = sorted(range(len(queries)), key=lambda i: queries[i].id)
    for index in order:
        query = queries[index]
        if missing := [id for id in query.positives if id not in row]:
            raise HaechiError(f"mine: positive {missing[0]} of query {query.id} is not in the corpus")
        positive_scores = [float(query_vectors[index] @ passage_vectors[row[id]]) for id in query.positives]
        keys = frozenset(by_id[id].article_key for id in query.positives)
        wanted = Wanted(frozenset(query.positives), keys, query.related_keys, min(positive_scores, default=0.0))
        found = _candidates(query, query_vectors[index], row, by_id, passage_vectors, bm25, dense)
        kept, lost = sieves.sieve(found, wanted, filters)
        reasons.update(lost)
        fresh = [c for c in kept if uses[c.passage_id] < params.max_uses]
        reasons["overused"] += len(kept) - len(fresh)
        chosen = sorted(fresh, key=lambda c: (-c.score, c.passage_id))[: params.negatives]
        uses.update(c.passage_id for c in chosen)
        origins.update(c.found_by for c in chosen)
        short += len(chosen) < params.negatives
        related = {id for key in query.related_keys | keys for id in by_article.get(key, ())}
        related |= {twin for id in query.positives for twin in by_id[id].twins}
        examples.append(
            MinedExample(
                query=query.text,
                pos=tuple(texts[id] for id in query.positives),
                neg=tuple(texts[c.passage_id] for c in chosen),
                pos_scores=tuple(round(score, 6) for score in positive_scores),
                neg_scores=tuple(round(c.score, 6) for c in chosen),
                query_id=query.id,
                pos_ids=query.positives,
                neg_ids=tuple(c.passage_id for c in chosen),
                neg_reasons=tuple(c.found_by for c in chosen),
                related=tuple(sorted(related - set(query.positives))),
                source=query.source,
            )
        )
    counts: dict[str, object] = {
        "examples": len(examples),
        "negatives": {"kept": sum(origins.values()), **dict(sorted(origins.items()))},
        "dropped": dict(sorted((reason, count) for reason, count in reasons.items() if count)),
        "examples_short_of_negatives": short,
        "sources": dict(sorted(Counter(example.source for example in examples).items())),
    }
    return Mined(tuple(examples), counts)


def _candidates(
    query: Query,
    vector: Vectors,
    row: Mapping[str, int],
    by_id: Mapping[str, Passage],
    passage_vectors: Vectors,
    bm25: Run,
    dense: Run,
) -> list[Candidate]:
    ids = [("bm25", s.id) for s in bm25[query.id]] + [("dense", s.id) for s in dense[query.id]]
    ids += [("structural", id) for id in query.structural if id in row]
    if not ids:
        return []
    scores = np.array([passage_vectors[row[id]] for _, id in ids]) @ vector
    return sieves.merge([Candidate(id, by_id[id].article_key, how, float(s)) for (how, id), s in zip(ids, scores, strict=True)])
