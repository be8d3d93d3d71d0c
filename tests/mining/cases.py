"""Small corpora with twins, versions, reserved and cocited articles, and queries with one to four positives."""

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from hypothesis import strategies as st
from small_law import passage
from small_params import small
from strategies import WORDS

from haechi.corpus.merge import merge
from haechi.mining.mine import Advice, Mined, Searched, mine
from haechi.mining.params import MineParams
from haechi.mining.relevance import Corpus, Query
from haechi.records.passage import Passage
from haechi.retrieval.dense import search

PARAMS = small(
    MineParams, bm25_top=10, dense_top=10, reranker_length=64, near_duplicate=0.9, num_negatives=3, sampling_temperature=0.1
)
LOOSE: dict[str, Any] = {"near_duplicate": 2.0, "margin": 99.0}
"""Margin and near duplicates switched off, or they would do the work of the filters that are meant."""


@dataclass(frozen=True)
class Case:
    passages: list[Passage]
    queries: list[Query]
    reserved: frozenset[str]
    seed: int


def corpus(number: int, twins: int = 0) -> list[Passage]:
    """Two passages an article, three articles a provision; the last `twins` repeat the first ones."""
    rng = np.random.default_rng(number)
    bodies = [" ".join(rng.choice(WORDS, 9)) + f" {i}번째 조문" for i in range(number)]
    bodies += bodies[:twins]
    return merge(
        passage(f"P{i:02d}", f"머리 {i}\n{body}", article_key=f"A{i // 2}", article=f"제{i // 6}조" if i % 4 else "")
        for i, body in enumerate(bodies)
    )


def unit(seed: int, rows: int) -> np.ndarray:
    found = np.random.default_rng(seed).standard_normal((rows, 6)).astype(np.float32)
    return found / np.linalg.norm(found, axis=1, keepdims=True)


@st.composite
def cases(draw: st.DrawFn) -> Case:
    passages = corpus(draw(st.integers(8, 20)), draw(st.integers(0, 4)))
    ids, keys = [p.id for p in passages], sorted({p.article_key for p in passages})
    queries = [
        Query(
            f"q{i}",
            f"물음 {i}",
            tuple(draw(st.lists(st.sampled_from(ids), min_size=1, max_size=4, unique=True))),
            tuple(draw(st.lists(st.sampled_from(ids), max_size=3, unique=True))),
            frozenset(draw(st.lists(st.sampled_from(keys), max_size=2))),
            draw(st.sampled_from(("precedent", "title", "question"))),
        )
        for i in range(draw(st.integers(1, 6)))
    ]
    return Case(passages, queries, frozenset(draw(st.lists(st.sampled_from(keys), max_size=2))), draw(st.integers(0, 999)))


def searched(case: Case, top: int = 10) -> Searched:
    """Vectors belong to ids, whatever the order; another ranking stands for BM25."""
    asked = {q.id: v for q, v in zip(sorted(case.queries, key=lambda q: q.id), unit(case.seed, len(case.queries)), strict=True)}
    told = {
        p.id: v for p, v in zip(sorted(case.passages, key=lambda p: p.id), unit(case.seed + 1, len(case.passages)), strict=True)
    }
    q = np.array([asked[query.id] for query in case.queries])
    p = np.array([told[passage.id] for passage in case.passages])
    ids, query_ids = [x.id for x in case.passages], [x.id for x in case.queries]
    lexical = search(query_ids, np.ascontiguousarray(q[:, ::-1]), ids, p, top)
    return Searched(q, p, lexical, search(query_ids, q, ids, p, top))


def mined(case: Case, advice: Advice | None = None, **changes: Any) -> Mined:
    params = replace(PARAMS, **changes)
    known = Corpus(case.passages, case.reserved)
    near = known.near_duplicates(np.arange(len(known)), params.near_duplicate)
    return mine(case.queries, searched(case), known, near, params, advice)
