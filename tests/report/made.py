"""A small finished run, made up: enough files for the whole report, and texts that would like to be HTML."""

import csv
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import orjson
from small_params import small

from haechi.evaluation.params import EvaluateParams
from haechi.evaluation.summary import summarise
from haechi.pipeline.stage_details import file_of
from haechi.records.mined import MinedExample
from haechi.records.passage import Passage
from haechi.records.query import TestQuery
from haechi.report.inputs import Places, Results, gather
from haechi.report.make import make
from haechi.retrieval.run import Run
from haechi.runtime.files import write_csv, write_json, write_jsonl, write_text
from haechi.scoring.facets import Facetter
from haechi.scoring.names import BASE, BM25, HYBRID, TUNED
from haechi.scoring.per_query import write_rows
from haechi.scoring.score_queries import judge

ATTACK = '</script><script>window.hacked = 1</script><img src=x onerror="window.hacked = 2">&amp;<!--'
PARAMS = small(EvaluateParams, k_values=(1, 3, 10), depth=100)


def project(root: Path, base: float = 0.2, tuned: float = 0.9, attack: str = "") -> Path:
    """Write the files; `base` and `tuned` are the shares of queries that each model answers first."""
    topics = ["보일러", "누수", "열쇠", "계단", "주차", "소음", "전기", "수도", "창문", "지붕", "담장", "간판"]
    laws = ["주거임대차안정법", f"노무관계기준법{attack}"]
    passages = [
        Passage(
            id=f"LAW_{n}",
            parent_id=f"LAW_{n}",
            article_key=f"LAW_{n}",
            type="law",
            text=f"{laws[n % 2]}\n제{n}조 임대인은 보증금을 돌려주어야 한다. {topics[n]}에 관한 사유 {n} {attack}",
            title=f"보증금의 반환{attack}",
            law_name=laws[n % 2],
            article=f"제{n}조",
            date="20200101",
            source="laws/1.json",
        )
        for n in range(12)
    ]
    queries = [
        TestQuery(
            f"PREC_{n}",
            f"임대인이 보증금을 돌려주지 아니한 경우 {topics[n % 12]}의 책임 {n} {attack}",
            (f"LAW_{n % 12}",),
            "title" if n % 6 == 5 else "precedent",
            f"g{n // 2}",
            "20240101",
            f"s{n}",
            n % 3 == 0,
            False,
        )
        for n in range(60)
    ]

    def run(good: float, seed: int) -> Run:
        rng = np.random.default_rng(seed)
        results = {}
        for query in queries:
            others = [passage.article_key for passage in passages if passage.article_key not in query.gold][:3]
            first = [(query.gold[0], 9.0)] if rng.random() < good else []
            results[query.query_id] = [*first, *((key, 3.0 - place) for place, key in enumerate(others))]
        return Run(results)

    runs = {BM25: run(0.4, 3), BASE: run(base, 1), TUNED: run(tuned, 2), HYBRID: run(0.9, 4)}
    rows = judge(
        queries,
        "precedent",
        {q.query_id: q.gold for q in queries},
        runs,
        Facetter(passages, [], {p.article_key: p.article_key for p in passages}),
    )
    probe = {
        "n": 3,
        "base": 0.5,
        "tuned": 0.5,
        "margin": 0.02,
        "verdict": "PASS",
        "difference": {"value": 0.0, "low": -0.01, "high": 0.01},
    }
    evaluated = {
        "testset": "abc",
        "encoder": "def",
        "confidence": 0.95,
        "gold_not_in_corpus": 0,
        **summarise(rows, PARAMS),
        "probe": {"general": probe},
        "failures": {"n": 6, "sibling": 4, "unexplained": 2},
        "gating": {"threshold": 0.3, "answered": 0.9, "refused": 0.8, "auroc": 0.95},
        "drift": {"cka": 0.9},
        "geometry": {"alignment": 0.4},
    }
    stages: dict[str, dict[str, Any]] = {
        "preprocess": {"read": 100, "kept": {"law": 90}, "dropped": {"blank": 10}, "passages": {"law": 12}},
        "testset": {"fingerprint": "abc", "queries": {"precedent": 50}, "reserved_articles": 3},
        "make_pairs": {"leakage": {"exact_text": 0, "source": 0}, "testset": "abc", "train": 50, "valid": 9},
        "merge_corpus": {"passages": {"law": 12}},
        "base": {"base": f"embedded{attack}", "dim": 256, "hash": "b1", "parameters": 1000},
        "generate_qa": {
            "questions": {"kept": 7},
            "report": {
                "overlap": {"all": 0.8, "plain": 0.7},
                "share": {"plain": 1.0},
                "bm25_rank": {"first_1": 0.5, "first_20": 0.9},
            },
        },
        "mine": {
            "train": {
                "examples": 20,
                "negatives": {"kept": 90},
                "spare": 400,
                "dropped": {"above_margin": 30},
                "suspicious": {},
                "sources": {"precedent": 20},
            }
        },
        "train": {
            "examples": {"used": 20},
            "steps": 8,
            "state": "finished",
            "verdict": "good",
            "reasons": [f"learnt{attack}"],
            "reasons_ko": [f"학습했습니다{attack}"],
        },
        "select": {
            "chosen": "step-000004",
            "why": "step-000004 has the best ndcg@10 of 2 checkpoints.",
            "why_ko": "step-000004: 체크포인트 2개 가운데 점수가 가장 높습니다.",
            "scored": 3,
            "encoder": "def",
            "metric": "ndcg@10",
            "queries": 9,
            "validation": {"base": 0.1, "step-000004": 0.5, "step-000008": 0.4},
            "candidates": {
                name: {
                    "kind": kind,
                    "places": [1, 3],
                    "score": score,
                    "low": score - 0.1,
                    "high": score + 0.1,
                    "against_single": None,
                }
                for name, kind, score in (
                    ("base", "base", 0.1),
                    ("step-000004", "checkpoint", 0.5),
                    ("step-000008", "checkpoint", 0.4),
                )
            },
        },
        "train_reranker": {"state": "off"},
        "evaluate": evaluated,
    }
    for name, value in stages.items():
        write_json(root / file_of(name), value)
    write_rows(root / "metrics/per_query.json", rows)
    write_jsonl(root / "data/testset/queries.jsonl", queries)
    write_jsonl(root / "data/processed/merged_corpus.jsonl", passages)
    example = MinedExample(
        "물음" + attack, ("글" + attack,), ("딴 글",), (0.5,), (0.2,), "q", ("p",), ("n",), ("bm25",), (), "precedent"
    )
    write_jsonl(root / "data/mined/train.jsonl", [example])
    history = [{"step": n, "loss": 4 / n, "learning_rate": 0.01, "grad_norm": 9.0 / n} for n in range(1, 9)]
    checks = [{"step": n, "valid_ndcg@10": 0.1 * n} for n in (0, 4, 8)]
    write_jsonl(root / "models/run/history.jsonl", [*history, *checks])
    table(
        root / "plots/evaluate/gating.csv", [{"threshold": n / 10, "answered": 1 - n / 10, "refused": n / 10} for n in range(11)]
    )
    places = [
        {"id": p.id, "law": p.law_name, "base_x": 0.1 * n, "base_y": 0.2, "tuned_x": 0.3, "tuned_y": -0.08 * n}
        for n, p in enumerate(passages)
    ]
    table(root / "plots/evaluate/map.csv", places)
    table(root / "plots/generate_qa/lengths.csv", [{"chars": 10 * n, "questions": 0.1, "precedent": 0.1} for n in range(10)])
    table(root / "plots/mine/scores.csv", [{"score": n / 10, "positives": 0.1, "negatives": 0.1} for n in range(10)])
    write_text(root / "params.yaml", f"train:\n  lr: 1  # {attack}\nmine:\n  num_negatives: 7\n")
    write_text(root / "dvc.yaml", "stages: {}\n")
    return root


@dataclass(frozen=True)
class Made:
    """What was found, and its page."""

    results: Results
    page: str


def page_of(root: Path, pictures: Path | None = None, local: Path | None = None) -> Made:
    """The report of a made run."""
    results = gather(Places.below(root))
    return Made(results, make(results, root / "data/mined/train.jsonl", pictures, local).page)


def table(file: Path, rows: list[dict[str, Any]]) -> None:
    """A CSV."""
    write_csv(file, list(rows[0]), rows)


def read_table(file: Path) -> list[dict[str, str]]:
    """The rows of a CSV."""
    with file.open(encoding="utf-8", newline="") as stream:
        return list(csv.DictReader(stream))


def change(root: Path, stage: str, **values: Any) -> None:
    """Change figures of a stage."""
    file = root / file_of(stage)
    write_json(file, orjson.loads(file.read_bytes()) | values)
