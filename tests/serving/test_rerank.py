"""A search with a reranker: let in by evaluate alone, as deep as time allows, and everything behind it stays as it was."""

import json
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner
from serving.village import CORPUS, QUESTIONS, opened, settle

from haechi.cli.main import main
from haechi.runtime.errors import UsageError
from haechi.runtime.files import read_json, write_json
from haechi.scoring.names import BM25, HYBRID, TUNED
from haechi.serving import rerank
from haechi.serving.engine import RERANKER, Engine
from haechi.serving.rerank import LiveReranker, Reranking

JUDGED = {"name": "tiny", "hash": "", "better": True, "queries": 9, "depth": 5, "pairs": 50, "before": 0.5, "after": 0.6}
JUDGED |= {"low": 0.05, "high": 0.2, "depths": {"0": 0.5, "5": 0.6}}


def live(engine: Engine, **asked: Any) -> LiveReranker:
    """A random cross-encoder over the village's articles."""
    from tiny_models import cross_encoder

    return LiveReranker(cross_encoder(), engine.texts(), 5, Reranking(**asked))


def hybrid(engine: Engine, question: str) -> list[str]:
    return [hit.key for hit in engine.ask(question, 50).lists[HYBRID]]


@pytest.mark.parametrize("question", QUESTIONS[:3])
def test_the_head_of_the_hybrid_is_in_the_order_of_the_reranker_and_nothing_else_moves(tmp_path: Path, question: str) -> None:
    engine = opened(tmp_path)
    before, lists = hybrid(engine, question), engine.ask(question, 50).lists
    engine.reranker = live(engine)
    answer = engine.ask(question, 50)
    said = [hit.signals[RERANKER] for hit in answer.lists[HYBRID] if RERANKER in hit.signals]

    found = [hit.key for hit in answer.lists[HYBRID]]
    assert answer.reranked == len(said) == min(5, len(before))
    assert said == sorted(said, reverse=True)
    assert set(found[:5]) == set(before[:5])
    assert found[5:] == before[5:]
    for system in (TUNED, BM25):
        assert [hit.key for hit in answer.lists[system]] == [hit.key for hit in lists[system]]


def test_a_budget_cuts_the_depth_and_a_tiny_one_leaves_the_hybrid_as_it_was(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    engine = opened(tmp_path)
    before = hybrid(engine, QUESTIONS[0])
    engine.reranker = live(engine, budget_ms=1)
    engine.reranker._each = 1.0  # a second a pair
    assert hybrid(engine, QUESTIONS[0]) == before
    assert engine.ask(QUESTIONS[0], 5).reranked == 0

    monkeypatch.setattr(rerank, "BLOCK", 2)
    clock = iter(range(1000))
    monkeypatch.setattr(rerank.time, "monotonic", lambda: next(clock) / 1000)  # every look at the clock takes a millisecond
    engine.reranker = live(engine, budget_ms=4)
    engine.reranker._each = 0.0
    assert engine.ask(QUESTIONS[0], 5).reranked == 2


@pytest.mark.parametrize(
    ("judged", "sentence"),
    [
        ({}, "judges no reranker; set reranker.base"),
        (JUDGED | {"better": False, "low": -0.1}, "Reranker tiny is kept out of search: on 9 validation queries"),
        (JUDGED | {"hash": "another"}, "is another model than evaluate judged"),
    ],
)
def test_what_evaluate_did_not_let_in_is_not_served(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, judged: Any, sentence: str
) -> None:
    from tiny_models import cross_encoder

    from haechi.serving.engine import open_engine

    monkeypatch.setattr(rerank, "load_reranker", lambda name, length: cross_encoder())
    place = settle(tmp_path)
    write_json(place["details"], read_json(place["details"]) | ({"reranker": judged} if judged else {}))

    with pytest.raises(UsageError, match="--rerank: ") as refused:
        open_engine(**place, reranking=Reranking())
    assert sentence in str(refused.value)


def test_the_command_reranks_and_says_how_many(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from tiny_models import cross_encoder

    from haechi.models.load import weight_hash

    monkeypatch.setattr(rerank, "load_reranker", lambda name, length: cross_encoder())
    place = settle(tmp_path)
    told = JUDGED | {"hash": weight_hash(cross_encoder())[:16]}
    write_json(place["details"], read_json(place["details"]) | {"reranker": told})
    options = [word for name, path in place.items() for word in (f"--{name}", str(path))]

    plain = CliRunner().invoke(main, ["search", QUESTIONS[0], "--json", *options])
    reranked = CliRunner().invoke(main, ["search", QUESTIONS[0], "--json", "--rerank", *options])
    alone = CliRunner().invoke(main, ["search", QUESTIONS[0], "--budget-ms", "9", *options])

    assert json.loads(plain.output)["reranked"] == 0
    assert json.loads(reranked.output)["reranked"] > 0, reranked.output
    assert "add --rerank" in str(alone.exception)


@pytest.mark.slow
def test_fewer_bits_give_nearly_the_same_order(tmp_path: Path) -> None:
    pytest.importorskip("openvino", reason="an extra")
    engine = opened(tmp_path)
    found: dict[str, list[str]] = {}
    for bits in ("fp32", "bf16", "int8"):
        engine.reranker = live(engine, bits=bits)
        found[bits] = [key for question in QUESTIONS for key in hybrid(engine, question)]

    for bits in ("bf16", "int8"):
        same = sum(one == other for one, other in zip(found[bits], found["fp32"], strict=True))
        assert same >= 0.8 * len(found["fp32"])
    assert len(CORPUS) > 5
