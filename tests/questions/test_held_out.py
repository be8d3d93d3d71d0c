"""A language model that writes for the test: other prompts, another model, nothing that a person could not have typed."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from llm.chat_server import questions, serving
from questions.asking import LLM, PARAMS, corpus, environ

from haechi.questions.held_out import Amount, held_out_writer
from haechi.questions.llm import LlmSetup, write_with_llm
from haechi.rowstore.store import Store, open_store


@pytest.fixture
def store(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Store]:
    monkeypatch.setenv("DVC_ROOT", str(tmp_path))
    with open_store(tmp_path / "rows.sqlite") as opened:
        yield opened


def test_it_asks_another_model_with_prompts_that_training_never_sees(store: Store) -> None:
    with serving() as server:
        held_out_writer(Amount(7, 2), replace(LLM, test_model="other"), store, environ(server))(corpus(3))
        write_with_llm(corpus(3), LlmSetup(PARAMS, LLM, store, (), environ(server)))
    test, training = server.asked[:3], server.asked[3:]

    assert {asked.body["model"] for asked in test} == {"other"}
    assert {asked.body["model"] for asked in training} == {LLM.model}
    for place in (0, 1):
        seen = [{asked.body["messages"][place]["content"] for asked in side} for side in (test, training)]
        assert not seen[0] & seen[1]


def test_without_a_name_the_same_model_is_asked_and_nothing_is_paid_twice(store: Store) -> None:
    with serving() as server:
        written = [held_out_writer(Amount(7, 2), LLM, store, environ(server))(corpus(3)) for _ in range(2)]

    assert {asked.body["model"] for asked in server.asked} == {LLM.model}
    assert len(server.asked) == 3
    assert written[0] == written[1]


def test_what_no_person_could_have_typed_is_left_out(store: Store) -> None:
    with serving(
        lambda number, body: questions("이 문서는 무엇을 말하나요?", "When is it due?", "신고는 언제까지 하나요?")
    ) as server:
        written = held_out_writer(Amount(7, 3), LLM, store, environ(server))(corpus(1))

    assert [question.question for question in written] == ["신고는 언제까지 하나요?"]
