"""Everything that evaluate does between reading and writing."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from haechi.evaluation.abstention import best_threshold, curve, judge_threshold
from haechi.evaluation.exports import write_exports
from haechi.evaluation.failures import Explainer, count_failures
from haechi.evaluation.forgetting import GENERAL, compare_probe
from haechi.evaluation.geometry import alignment, drift, separation, uniformity
from haechi.evaluation.hybrid import fit_hybrid, passages_of, searches
from haechi.evaluation.inputs import Inputs
from haechi.evaluation.m3_systems import m3_runs
from haechi.evaluation.new_documents import compare_on_new
from haechi.evaluation.params import EvaluateParams
from haechi.evaluation.passage_map import draw_map
from haechi.evaluation.searcher import Asked, Searcher, Source
from haechi.evaluation.summary import summarise, validated
from haechi.evaluation.systems import popularity
from haechi.fusion.mixture import Mixture, told, write_mixture
from haechi.fusion.params import FusionParams
from haechi.records.query import TestQuery
from haechi.records.result import QueryResult
from haechi.reranking.gate import gate
from haechi.reranking.rerank import rerank
from haechi.retrieval.dense import Vectors, search
from haechi.retrieval.params import RetrievalParams
from haechi.retrieval.run import PASSAGES_PER_ARTICLE, Run
from haechi.runtime.errors import HaechiError
from haechi.runtime.files import atomic_folder, write_csv, write_json, write_text
from haechi.scoring.evaluation import Evaluation
from haechi.scoring.facets import Facetter
from haechi.scoring.names import BASE, BM25, EVALUATOR_VERSION, HYBRID, POPULARITY, RERANKED, TUNED
from haechi.scoring.per_query import write_rows
from haechi.scoring.score_queries import judge
from haechi.scoring.significance import Resampler


@dataclass(frozen=True)
class Evaluated:
    """All results, ready to be written."""

    evaluation: Evaluation
    rows: list[QueryResult]
    runs: dict[str, Run]
    gold: dict[str, tuple[str, ...]]
    name: Mapping[str, str]
    abstention: list[dict[str, Any]]
    map: list[dict[str, Any]]
    mixture: Mixture
    k_values: tuple[int, ...]

    def write(self, inputs: Inputs, runs: Path, plots: Path, per_query: Path, details: Path, mixture: Path) -> None:
        """TREC runs and other tools' formats, plots with their data, per-query results, all figures, and the hybrid's weights."""
        write_mixture(mixture, self.mixture)
        with atomic_folder(runs) as folder:
            for system, run in self.runs.items():
                run.write_trec(folder / f"{system}.trec", system)
            write_exports(folder, inputs.testset.queries, self.gold, inputs.corpus, self.name, inputs.testset.fingerprint)
        with atomic_folder(plots) as folder:
            self._tabulate(folder)
        write_rows(per_query, self.rows)
        write_json(details, self.evaluation.as_json())

    def _tabulate(self, folder: Path) -> None:
        """What `report` and `dvc plots` draw."""
        values = self.evaluation.primary
        write_csv(folder / "map.csv", list(self.map[0]) if self.map else ["id", "law"], self.map)
        for name in ("recall", "ndcg"):  # one column a system, which `dvc plots` draws as lines in one picture
            rows = [",".join(str(values[s][f"{name}@{k}"]) for s in values) for k in self.k_values]
            table = [f"{k},{row}\n" for k, row in zip(self.k_values, rows, strict=True)]
            write_text(folder / f"{name}_at_k.csv", f"k,{','.join(values)}\n" + "".join(table))
        lines = [f"{row['threshold']:.6f},{row['answered']:.6f},{row['refused']:.6f}\n" for row in self.abstention]
        write_text(folder / "gating.csv", "threshold,answered,refused\n" + "".join(lines))


def evaluate(
    inputs: Inputs, params: EvaluateParams, retrieval: RetrievalParams, fusion: FusionParams, source: Source
) -> Evaluated:
    """Rank the test queries with every system, fold to articles, score, compare."""
    tests, tokens = inputs.testset.queries, source.tokens([passage.text for passage in inputs.corpus])
    searcher = Searcher(inputs.corpus, tokens, retrieval, params.depth)
    gold, missing = _gold(inputs, searcher, params)
    asked = [Asked(q.query_id, q.query_text, q.source_id if q.suite == "precedent" else "") for q in tests]
    known = [Asked(p.query_id, p.query_text, p.meta.source_id) for p in inputs.valid_pairs]

    vectors = passages_of(inputs, source)
    search = searches(inputs, searcher, source, vectors)
    valid = {system: one(known) for system, one in search.items()}
    read = {system: one.read(asked) for system, one in search.items()}
    found = {system: one.find(asked, read[system]) for system, one in search.items()}
    hybrid = fit_hybrid(inputs, searcher, search, valid, fusion)
    chosen_on = {**valid, HYBRID: hybrid.valid}
    valid_gold = {p.query_id: searcher.named(p.meta.article_keys) for p in inputs.valid_pairs}
    judged = _judged(inputs, params, searcher, hybrid.valid, valid_gold)
    tuned, questions, passages = found[TUNED], read[TUNED], vectors[TUNED]
    runs = {**_popular(inputs, searcher, params.depth), **found, HYBRID: hybrid.run(asked, found, params.depth)}
    runs |= _further(inputs, source, searcher, asked, (questions, passages))
    if inputs.reranker and judged.get("better"):
        text_of = {q.id: q.text for q in asked}
        runs[RERANKED] = rerank(runs[HYBRID], text_of, inputs.corpus, searcher.name, inputs.reranker, params.rerank_depth)

    explainer = Explainer(inputs.corpus, tokens, searcher.name)
    words = dict(zip((q.id for q in asked), read[BM25], strict=True))
    rows = judge(tests, inputs.testset.primary, gold, runs, Facetter(inputs.corpus, inputs.train_pairs, searcher.name))
    rows = [replace(row, failure=explainer.reasons(row, words[row.query_id])) for row in rows]
    probes = {name: _probe_vectors(inputs, name, source) for name in inputs.probes}
    abstention, points = _abstention(
        [valid[TUNED][q.id] for q in known], [tuned[q.id] for q in asked], probes[GENERAL][1][0], passages
    )
    evaluation = Evaluation(
        testset=inputs.testset.fingerprint,
        evaluator=EVALUATOR_VERSION,
        encoder=inputs.encoder_hash,
        confidence=params.confidence,
        hybrid=told(hybrid.mixture) | ({"missing": dict(inputs.missing)} if inputs.missing else {}),
        gold_not_in_corpus=missing,
        without_gold=sum(not keys for keys in gold.values()),
        others={name: other.hash for name, other in inputs.others.items()},
        **summarise(rows, params),
        failures=count_failures(rows),
        probe={name: compare_probe(probe, *probes[name], params) for name, probe in inputs.probes.items()},
        drift=_rounded(drift(probes[GENERAL][0][1], probes[GENERAL][1][1])),
        geometry=_rounded(_geometry(tests, gold, searcher, tuned, questions, passages, params.seed)),
        gating=_rounded(abstention),
        validation=validated(inputs.valid_pairs, valid_gold, chosen_on),
        reranker=judged,
        new_documents=compare_on_new(inputs.on_new, searcher, search, params),
    )
    spaces = draw_map(inputs.corpus, {system: vectors[system] for system in (BASE, TUNED)}, params.seed)
    return Evaluated(evaluation, rows, runs, gold, searcher.name, points, spaces, hybrid.mixture, params.k_values)


def _popular(inputs: Inputs, searcher: Searcher, depth: int) -> dict[str, Run]:
    """Only decisions say what is popular."""
    run = popularity(inputs.train_pairs, searcher.name, [q.query_id for q in inputs.testset.queries], depth)
    return {POPULARITY: run} if any(run[query.query_id] for query in inputs.testset.queries[:1]) else {}


def _gold(inputs: Inputs, searcher: Searcher, params: EvaluateParams) -> tuple[dict[str, tuple[str, ...]], int]:
    """Gold of each query as it is judged, and how many gold articles the corpus lacks."""
    present = {passage.article_key for passage in inputs.corpus}
    missing = {key for q in inputs.testset.queries for key in q.gold} - present
    if not any(present.intersection(q.gold) for q in inputs.testset.queries):
        raise HaechiError(
            f"evaluate: none of the {len(inputs.testset.queries)} test queries has a gold article in the corpus; "
            "if these are your own documents, build their test set with `haechi testset refresh`"
        )
    out = missing if params.missing_gold == "exclude" else set()
    return {q.query_id: searcher.named([key for key in q.gold if key not in out]) for q in inputs.testset.queries}, len(missing)


def _further(
    inputs: Inputs, source: Source, searcher: Searcher, asked: Sequence[Asked], tuned: tuple[Vectors, Vectors]
) -> dict[str, Run]:
    """Systems that only some projects have: further heads, other models and run files."""
    found: dict[str, Run] = {}
    texts = [passage.text for passage in inputs.corpus]
    if inputs.heads:
        ids, depth = [q.id for q in asked], PASSAGES_PER_ARTICLE * searcher.depth
        dense = search(ids, tuned[0], searcher.ids, tuned[1], depth)
        asked_heads, passage_heads = inputs.heads([q.text for q in asked]), inputs.heads(texts)
        by_passage = m3_runs(ids, asked_heads, searcher.ids, passage_heads, dense, depth)
        found |= {system: searcher.fold(run, asked) for system, run in by_passage.items()}
    for name, other in inputs.others.items():
        if other.model is None:
            found[name] = searcher.foreign(other.lists, asked, f"evaluate.others: {name}")
        else:
            questions = source.queries(other.model, [q.text for q in asked])
            found[name] = searcher.dense(asked, questions, source.passages(other.model, texts))
    return found


def _judged(
    inputs: Inputs, params: EvaluateParams, searcher: Searcher, before: Run, gold: Mapping[str, Sequence[str]]
) -> dict[str, Any]:
    """What the reranker does to the hybrid's lists on validation; nothing where there is none."""
    if not inputs.reranker:
        return {}
    texts = {pair.query_id: pair.query_text for pair in inputs.valid_pairs}
    before = Run({query_id: before[query_id] for query_id in texts})  # without the made queries that the hybrid was fitted on too
    scored = 0

    def counted(pairs: Sequence[tuple[str, str]]) -> Iterable[float]:
        nonlocal scored
        scored += len(pairs)
        return inputs.reranker(pairs) if inputs.reranker else ()

    reranked = rerank(before, texts, inputs.corpus, searcher.name, counted, params.rerank_depth)
    sample = Resampler([pair.meta.group for pair in inputs.valid_pairs], params.resamples, params.confidence, params.seed)
    found = gate(before, reranked, gold, scored, params.rerank_depth, sample)
    return {"name": params.reranker, "hash": inputs.reranker_hash, **found.as_json()}


def _probe_vectors(inputs: Inputs, name: str, source: Source) -> tuple[tuple[Vectors, Vectors], tuple[Vectors, Vectors]]:
    """Vectors of a probe's questions and passages, by the base and by the tuned model."""
    probe = inputs.probes[name]
    questions, passages = [q.query_text for q in probe.queries], [p.text for p in probe.passages]
    before, after = ((source.queries(m, questions), source.passages(m, passages)) for m in (inputs.base, inputs.encoder))
    return before, after


def _abstention(
    known: Sequence[Sequence[Any]], asked: Sequence[Sequence[Any]], strangers: Vectors, passages: Vectors
) -> tuple[dict[str, float], list[dict[str, Any]]]:
    """Threshold from validation queries and one half of the strange questions; figures from test queries and the other half."""
    chosen_on, judged_on = ([found[0].score for found in lists if found] for lists in (known, asked))
    best = [float(score) for score in (strangers @ passages.T).max(axis=1)]
    threshold = best_threshold(chosen_on, best[::2])
    return judge_threshold(threshold, judged_on, best[1::2] or best), curve(judged_on, best[1::2] or best)


def _geometry(
    tests: Sequence[TestQuery],
    gold: Mapping[str, Sequence[str]],
    searcher: Searcher,
    tuned: Run,
    questions: Vectors,
    passages: Vectors,
    seed: int,
) -> dict[str, Any]:
    """Alignment, uniformity and separation of the tuned space."""
    rows: dict[str, list[int]] = {}
    for place, id in enumerate(searcher.ids):
        rows.setdefault(searcher.key(id), []).append(place)
    apart: list[tuple[float, float]] = []
    closest: list[tuple[int, int]] = []
    for number, query in enumerate(tests):
        places = [place for key in gold[query.query_id] for place in rows.get(key, ())]
        wrong = next((s.score for s in tuned[query.query_id] if s.id not in gold[query.query_id]), None)
        if places and wrong is not None:
            scores = passages[places] @ questions[number]
            closest.append((number, places[int(scores.argmax())]))
            apart.append((float(scores.max()), wrong))
    one, two = (np.array(side) for side in zip(*closest, strict=True))
    return {
        "alignment": alignment(questions[one], passages[two]),
        "uniformity": uniformity(passages, seed),
        **separation(*zip(*apart, strict=True)),
    }


def _rounded(values: Mapping[str, Any]) -> dict[str, Any]:
    return {name: round(value, 6) for name, value in values.items()}
