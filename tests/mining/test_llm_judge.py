"""A language model reads candidates above the positive: its answers are rows, and without them nothing is promoted in silence."""

import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
import tiny_models
from llm.chat_server import Reply, answer, serving
from mining.cases import PARAMS
from mining.test_promote import COSINES, court, fates
from mining.test_stage import BM25, CORPUS, TRAIN, VALID
from questions.asking import KEY, LLM, environ

from haechi.mining.promote import llm_judge
from haechi.mining.stage import MinedAll, Models, ToMine, mine_all
from haechi.rowstore.namespaces import JUDGEMENTS
from haechi.rowstore.store import Store, open_store
from haechi.runtime.errors import HaechiError


@pytest.fixture
def store(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Store]:
    monkeypatch.setenv("DVC_ROOT", str(tmp_path))
    with open_store(tmp_path / "rows.sqlite") as opened:
        yield opened


def rating(**scores: int):
    """A server that rates by the first of these words that it reads, else 0."""

    def plan(number: int, body: dict) -> Reply:
        read = body["messages"][1]["content"]
        return answer(json.dumps({"score": next((score for word, score in scores.items() if word in read), 0)}))

    return plan


def test_what_the_model_rates_high_enough_rises_and_nothing_else(store: Store) -> None:
    with serving(rating(higher=8, second=6)) as server:
        found = court(llm_judge(LLM, 7, store, environ(server)))

        assert fates(found)["higher"] == "promoted"
        assert fates(found)["second"] == "above_margin"
        assert found.examples[0].pos_ids == ("gold", "higher")
        assert all(word not in str(server.asked) for word in ("reserved의 글", "easy의 글")), "neither reserved nor below"
        assert len(server.asked) == PARAMS.promote_most


def test_another_threshold_asks_nobody_again(store: Store) -> None:
    with serving(rating(higher=8, second=6)) as server:
        court(llm_judge(LLM, 7, store, environ(server)))
    found = court(llm_judge(LLM, 6, store, {}))

    assert found.examples[0].pos_ids == ("gold", "higher", "second")
    assert store.count(JUDGEMENTS) == 2


def test_offline_a_missing_answer_ends_it_with_one_sentence(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HAECHI_OFFLINE", "1")
    with serving(rating()) as server, pytest.raises(HaechiError, match="HAECHI_OFFLINE=1, and 2 answers of small"):
        court(llm_judge(LLM, 7, store, environ(server)))
    assert not server.asked


def test_an_answer_without_a_score_promotes_nothing_and_is_told(store: Store, capsys: pytest.CaptureFixture[str]) -> None:
    with serving(lambda number, body: answer("글쎄요")) as server:
        found = court(llm_judge(LLM, 0, store, environ(server)))

    assert found.examples[0].pos_ids == ("gold",)
    assert "promotes 0; 2 without a score" in "".join(capsys.readouterr())


def test_the_stage_promotes_in_both_splits_and_the_key_is_in_no_row(store: Store, tmp_path: Path) -> None:
    def made(environment: dict[str, str]) -> MinedAll:
        params = replace(PARAMS, promote="llm", margin=0.95)
        judge = llm_judge(LLM, 7, store, environment)
        return mine_all(
            ToMine(TRAIN, VALID, CORPUS, frozenset({"A11"})), Models(tiny_models.static(1), reader=judge), params, BM25, store
        )

    with serving(lambda number, body: answer('{"score": 9}')) as server:
        first = made(environ(server))
    again = made({})

    promoted = [found.counts["positives"]["promoted"] for found in (first.train, first.valid)]  # type: ignore[index]
    assert min(promoted) > 0
    assert (first.train.examples, first.valid.examples) == (again.train.examples, again.valid.examples)
    assert all(KEY.encode() not in path.read_bytes() for path in tmp_path.rglob("*") if path.is_file())


def test_the_corpus_of_the_tests_has_something_to_judge() -> None:
    assert sum(cosine > COSINES["gold"] for name, cosine in COSINES.items() if name != "reserved") > PARAMS.promote_most
