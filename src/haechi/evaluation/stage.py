"""Everything that evaluate does between reading and writing."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from haechi.evaluation import plots as draw
from haechi.evaluation.guard import GuardPassage, GuardQuery, guard_scores
from haechi.evaluation.metrics import evaluate_run
from haechi.evaluation.names import BASE, BM25, HEADLINE, HYBRID, POPULARITY, PRIMARY_SUITE, TUNED
from haechi.evaluation.significance import difference
from haechi.evaluation.summary import per_query, summarise
from haechi.evaluation.systems import best_weight, popularity
from haechi.files import atomic_folder, write_json, write_jsonl, write_text
from haechi.law.twins import one_name
from haechi.params.evaluate import EvaluateParams
from haechi.params.retrieval import RetrievalParams
from haechi.records.pair import Pair
from haechi.records.passage import Passage
from haechi.retrieval.bm25 import Bm25
from haechi.retrieval.dense import encode_passages, encode_queries, search
from haechi.retrieval.fuse import weighted
from haechi.retrieval.run import PASSAGES_PER_ARTICLE, Run
from haechi.testset.manifest import TestSet
from haechi.tokens import tokenize

if TYPE_CHECKING:
    from sentence_transformers import SentenceTransformer

VERSION = 1
"""Raised whenever the same inputs would give other figures: unlike versions are never compared."""


class Asked(NamedTuple):
    """A query; `own` is the key of the decision that it was taken from, which must not answer it."""

    id: str
    text: str
    own: str


@dataclass(frozen=True)
class Inputs:
    """What is scored on what."""

    encoder: "SentenceTransformer"
    base: "SentenceTransformer"
    encoder_hash: str
    corpus: Sequence[Passage]
    train_pairs: Sequence[Pair]
    valid_pairs: Sequence[Pair]
    testset: TestSet
    guard: tuple[list[GuardPassage], list[GuardQuery]]


@dataclass(frozen=True)
class Found:
    """All results, ready to be written."""

    metrics: dict[str, Any]
    rows: list[dict[str, Any]]
    runs: dict[str, Run]
    k_values: tuple[int, ...]

    def write(self, runs: Path, plots: Path, per_query: Path, metrics: Path) -> None:
        """TREC runs, plots with their data, per-query scores and the metrics file."""
        with atomic_folder(runs) as folder:
            for system, run in self.runs.items():
                run.write_trec(folder / f"{system}.trec", system)
        with atomic_folder(plots) as folder:
            self._draw(folder)
        write_jsonl(per_query, self.rows)
        write_json(metrics, self.metrics)

    def _draw(self, folder: Path) -> None:
        draw.draw_systems(self.metrics, folder / "systems.png")
        draw.draw_recall(self.metrics, self.k_values, folder / "recall.png")
        values = self.metrics["primary"]
        for name in ("recall", "ndcg"):  # one column a system, which `dvc plots` draws as lines in one picture
            rows = [",".join(str(values[s][f"{name}@{k}"]) for s in values) for k in self.k_values]
            table = [f"{k},{row}\n" for k, row in zip(self.k_values, rows, strict=True)]
            write_text(folder / f"{name}_at_k.csv", f"k,{','.join(values)}\n" + "".join(table))


def evaluate(inputs: Inputs, params: EvaluateParams, retrieval: RetrievalParams) -> Found:
    """Rank the test queries with every system, fold to articles, score, compare."""
    tests = inputs.testset.queries
    search_all = _Searcher(inputs.corpus, retrieval, params.depth)
    asked = [Asked(q.query_id, q.query_text, q.source_id if q.suite == PRIMARY_SUITE else "") for q in tests]
    known = [Asked(p.query_id, p.query_text, p.meta.source_id) for p in inputs.valid_pairs]
    lexical, tuned = search_all.bm25(asked), search_all.dense(inputs.encoder, asked)
    valid_gold = {p.query_id: search_all.named(p.meta.article_keys) for p in inputs.valid_pairs}
    weight = best_weight(search_all.bm25(known), search_all.dense(inputs.encoder, known), valid_gold, params.depth)
    runs = {
        POPULARITY: popularity(inputs.train_pairs, search_all.name, [q.query_id for q in tests], params.depth),
        BM25: lexical,
        BASE: search_all.dense(inputs.base, asked),
        TUNED: tuned,
        HYBRID: weighted(lexical, tuned, weight, params.depth),
    }
    gold = {q.query_id: search_all.named(q.gold) for q in tests}
    scores = {system: evaluate_run(run, gold, params.k_values) for system, run in runs.items()}
    known_articles = {passage.article_key for passage in inputs.corpus}
    metrics = {
        "testset": inputs.testset.fingerprint,
        "evaluator": VERSION,
        "encoder": inputs.encoder_hash,
        "confidence": params.confidence,
        "hybrid_weight": weight,
        "gold_not_in_corpus": len({key for q in tests for key in q.gold} - known_articles),
        **summarise(tests, scores, params),
        "guard": _guard(inputs, params),
    }
    return Found(metrics, per_query(tests, scores), runs, params.k_values)


class _Searcher:
    """Searches one corpus and folds passages to articles."""

    def __init__(self, corpus: Sequence[Passage], retrieval: RetrievalParams, depth: int) -> None:
        self._ids = [passage.id for passage in corpus]
        self._texts = [passage.text for passage in corpus]
        self.name = one_name(corpus)
        self._key_of = {passage.id: self.name[passage.article_key] for passage in corpus}
        self._index = Bm25(self._ids, tokenize(self._texts), retrieval)
        self._depth = depth

    def bm25(self, queries: Sequence[Asked]) -> Run:
        tokens = tokenize([q.text for q in queries])
        return self._fold(self._index.search([q.id for q in queries], tokens, PASSAGES_PER_ARTICLE * self._depth), queries)

    def dense(self, model: "SentenceTransformer", queries: Sequence[Asked]) -> Run:
        vectors = encode_queries(model, [q.text for q in queries])
        passages = encode_passages(model, self._texts)
        run = search([q.id for q in queries], vectors, self._ids, passages, PASSAGES_PER_ARTICLE * self._depth)
        return self._fold(run, queries)

    def named(self, keys: Sequence[str]) -> tuple[str, ...]:
        """Gold as it is judged: articles that say the same are one."""
        return tuple(dict.fromkeys(self.name.get(key, key) for key in keys))

    def _fold(self, run: Run, queries: Sequence[Asked]) -> Run:
        return run.fold(self._key_of, {q.id: self.name.get(q.own, "") for q in queries}, self._depth)


def _guard(inputs: Inputs, params: EvaluateParams) -> dict[str, Any]:
    """Everyday questions: tuned against base, so that forgetting shows."""
    passages, queries = inputs.guard
    before, after = (guard_scores(model, passages, queries) for model in (inputs.base, inputs.encoder))
    ids = [q.query_id for q in queries]
    first, second = ([scores[id][HEADLINE] for id in ids] for scores in (after, before))
    rng = np.random.default_rng(params.seed)
    gap = difference(first, second, ids, params.resamples, params.confidence, rng)
    return {
        "n": len(ids),
        "base": round(float(np.mean(second)), 6),
        "tuned": round(float(np.mean(first)), 6),
        "difference": {"value": round(gap.value, 6), "low": round(gap.low, 6), "high": round(gap.high, 6)},
    }
