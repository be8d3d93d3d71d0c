"""Many calls: every one ends answered or in the ledger, none that succeeded is made twice, and the accounts are exact."""

import json
import math
import os
import random
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from llm.chat_server import Reply, Server, answer, obliging, questions, refusal, serving
from pipeline.checkout import ROOT
from questions.asking import KEY, LLM, PARAMS, corpus, environ, llm
from small_law import passage
from waiting import eventually

from haechi.llm.failure_log import Failure, Ledger, ledger_path
from haechi.llm.params import LlmParams
from haechi.llm.run_calls import BudgetSpent, EndpointError
from haechi.questions.llm import LlmSetup, LlmWritten, estimate, write_with_llm
from haechi.records.passage import Passage
from haechi.rowstore.namespaces import QUESTIONS
from haechi.rowstore.store import Store, open_store
from haechi.runtime.errors import HaechiError, UsageError


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("DVC_ROOT", str(tmp_path))
    return tmp_path


@pytest.fixture
def store(home: Path) -> Iterator[Store]:
    with open_store(home / "rows.sqlite") as opened:
        yield opened


def write(store: Store, passages: list[Passage], variables: dict[str, str], settings: LlmParams = LLM) -> LlmWritten:
    return write_with_llm(passages, LlmSetup(PARAMS, settings, store, (), variables))


def ledger() -> list[Failure]:
    return list(Ledger(ledger_path("questions")))


def costs(store: Store) -> list[float]:
    return [cost for (cost,) in store.rows("SELECT cost FROM questions")]


# The fault test


def faulty(seed: int) -> Any:
    """20% 429 (some with Retry-After), 10% 500, 5% hang, 5% malformed, 5% half-closed; what is left answers."""
    rng = random.Random(seed)  # noqa: S311

    def plan(number: int, body: dict[str, Any]) -> Reply:
        draw, sound = rng.random(), obliging(number, body)
        if draw < 0.20:
            return refusal(429, headers=(("Retry-After", "1"),) if draw < 0.01 else ())
        if draw < 0.30:
            return refusal(500)
        if draw < 0.35:
            return Reply(200, sound.body, delay=60, label="hang")
        if draw < 0.40:
            return Reply(200, sound.body[: len(sound.body) // 2], label="malformed")
        if draw < 0.45:
            return Reply(200, sound.body, manner="half", label="half")
        return sound

    return plan


CHILD = """
import os
from pathlib import Path
from questions.asking import LLM, PARAMS, corpus
from haechi.questions.llm import LlmSetup, write_with_llm
from haechi.rowstore.store import open_store
with open_store(Path(os.environ["DVC_ROOT"]) / "rows.sqlite") as store:
    write_with_llm(corpus({count}), LlmSetup(PARAMS, LLM, store, (), os.environ))
"""


def child(home: Path, server: Server, count: int, **changes: object) -> "subprocess.Popen[bytes]":
    path = os.pathsep.join([str(ROOT / "src"), str(ROOT / "tests")])
    variables = {**os.environ, "PYTHONPATH": path, "DVC_ROOT": str(home), **environ(server, **changes)}
    return subprocess.Popen([sys.executable, "-c", CHILD.format(count=count)], env=variables, stderr=subprocess.PIPE)


@pytest.mark.slow
def test_faults_and_a_kill_in_the_middle(home: Path) -> None:
    count, in_flight = 240, 16
    settings = {"CONCURRENCY": in_flight, "TIMEOUT": 1.5, "TRIES": 4}
    with serving(faulty(3), latency=0.02) as server:
        process = child(home, server, count, **settings)
        assert eventually(lambda: sum(asked.label == "answer" for asked in list(server.asked)) >= count // 2)
        process.kill()
        process.wait()
        assert eventually(lambda: server.all_read)  # some requests were still on their way
        killed_at = len(server.asked)
        with open_store(home / "rows.sqlite") as store:
            before = dict(store.rows("SELECT key, value FROM questions"))  # type: ignore[arg-type]
            assert count // 4 < len(before) < count
            written = write(store, corpus(count), environ(server, **settings), llm(max_failed_share=0.5))
            rows = {row[0]: json.loads(row[1]) for row in store.rows("SELECT key, value FROM questions")}
            paid = costs(store)

    by_label = Counter(asked.label for asked in server.asked)
    assert all(by_label[label] > 3 for label in ("answer", "http 429", "http 500", "hang", "malformed", "half")), by_label

    # Every passage ends answered or in the ledger.
    failed = ledger()
    found = {question.passage_id for question in written.questions}
    assert found | {failure.id.split()[0] for failure in failed} == {passage.id for passage in corpus(count)}
    assert len(found) + len(failed) == count == len(rows) + len(failed)
    assert failed, "with these faults and four tries some fail"
    assert written.failures == Counter(failure.reason for failure in failed)

    # No successful call is repeated: but for those whose answer was on its way when the process died.
    subjects = Counter(asked.subject for asked in server.asked if asked.label == "answer")
    repeated = {subject for subject, times in subjects.items() if times > 1}
    early = {asked.subject for asked in server.asked[:killed_at] if asked.label == "answer"}
    late = {asked.subject for asked in server.asked[killed_at:] if asked.label == "answer"}
    assert repeated == early & late
    assert len(early) - len(before) <= in_flight
    stored = {told(json.loads(value)) for value in before.values()}
    assert len(stored) == len(before)
    assert stored <= {subject[:6] for subject in early}
    assert not stored & {asked.subject[:6] for asked in server.asked[killed_at:]}, "what the store had was asked again"

    # The accounts: each row costs what the server billed for it; an answer without a row is one that the kill took.
    billed = {asked.subject[:6]: asked.tokens for asked in server.asked if asked.label == "answer"}
    assert {told(row): tuple(row["tokens"]) for row in rows.values()}.items() <= billed.items()
    assert sorted(paid) == sorted((row["tokens"][0] * 0.5 + row["tokens"][1] * 1.5) / 1e6 for row in rows.values())
    assert billed.keys() - {told(row) for row in rows.values()} <= {subject[:6] for subject in early} - stored


def told(row: dict[str, Any]) -> str:
    """The beginning of what was asked, as the server put it into its answer."""
    return str(json.loads(row["text"])["questions"][0]["question"][:6])


def test_the_next_run_asks_for_failures_alone_and_clears_the_ledger(home: Path, store: Store) -> None:
    bad = {passage.id for passage in corpus(30)[::5]}

    def moody(number: int, body: dict[str, Any]) -> Reply:
        told = body["messages"][1]["content"]
        return refusal(500) if any(f"제{int(id[4:10])}조" in told for id in bad) else obliging(number, body)

    with serving(moody) as server:
        with pytest.raises(
            HaechiError, match=r"6 of 30 calls to small got no answer \(http 500 6, the last one: no; .*max_failed_share"
        ) as caught:
            write(store, corpus(30), environ(server, TRIES=2))
        assert "\n" not in str(caught.value)
    assert {failure.id.split()[0] for failure in ledger()} == bad
    assert {(failure.tries, failure.runs) for failure in ledger()} == {(2, 1)}

    with serving(moody) as server:
        first = write(store, corpus(30), environ(server, TRIES=3), llm(max_failed_share=0.2))
        assert len(server.asked) == 6 * 3
    assert first.failures == {"http 500": 6}
    assert {(failure.tries, failure.runs) for failure in ledger()} == {(5, 2)}

    with serving() as server:
        second = write(store, corpus(30), environ(server))
        assert len(server.asked) == 6
    assert second.failures == {}
    assert len(second.questions) == 90
    assert ledger() == []


def test_what_failed_before_is_asked_last(home: Path, store: Store) -> None:
    with serving(lambda number, body: refusal(500)) as server, pytest.raises(HaechiError):
        write(store, corpus(5), environ(server, TRIES=1))
    with serving() as server:
        write(store, corpus(20), environ(server, CONCURRENCY=1))
    order = [next(n for n in range(20) if f"제{n}조" in asked.body["messages"][1]["content"]) for asked in server.asked]
    assert order == [*range(5, 20), *range(5)]


# Resuming


def test_a_second_run_asks_nothing_and_needs_neither_address_nor_key(store: Store) -> None:
    with serving() as server:
        first = write(store, corpus(20), environ(server))
        assert len(server.asked) == 20
    assert write(store, corpus(20), {}) == first
    assert first.calls == 20
    assert first.asked == 60


def test_one_changed_document_makes_its_own_calls_alone(store: Store) -> None:
    passages = corpus(20)
    with serving() as server:
        write(store, passages, environ(server))
        passages[7] = passage(passages[7].id, passages[7].text.replace("신고", "보고"))
        write(store, passages, environ(server))
    assert len(server.asked) == 21


def test_the_result_does_not_depend_on_the_order_of_answers(home: Path) -> None:
    results = []
    for number, (latency, in_flight) in enumerate([(0.0, 1), (0.01, 16)]):
        rng = random.Random(number)  # noqa: S311

        def jumbled(number: int, body: dict[str, Any], rng: random.Random = rng) -> Reply:
            sound = obliging(number, body)
            return Reply(body=sound.body, delay=rng.random() * 0.05)

        with serving(jumbled, latency) as server, open_store(home / f"rows{number}.sqlite") as store:
            results.append(write(store, corpus(40), environ(server, CONCURRENCY=in_flight)))
    assert results[0] == results[1]


def test_twins_share_one_call(store: Store) -> None:
    same = [passage(f"LAW_{n:06}_제1조", "마을법 제1조\n같은 글이다.") for n in range(40)]
    with serving(latency=0.01) as server:
        written = write(store, same, environ(server))
    assert len(server.asked) == 1
    assert {question.passage_id for question in written.questions} == {one.id for one in same}


def test_a_twin_that_comes_late_finds_the_answer_of_the_first(store: Store) -> None:
    """Looked up together, in one batch, when neither had an answer; asked one after the other."""
    apart = [
        passage("LAW_a_제1조", "마을법 제1조\n같은 글이다."),
        *corpus(30),
        passage("LAW_z_제1조", "마을법 제1조\n같은 글이다."),
    ]
    with serving() as server:
        write(store, apart, environ(server, CONCURRENCY=2))
    assert len(server.asked) == 31


@pytest.mark.slow
def test_a_first_interrupt_lets_paid_answers_arrive(home: Path) -> None:
    with serving(latency=0.6) as server:
        process = child(home, server, 50, CONCURRENCY=10)
        assert eventually(lambda: server.open == 10)
        process.send_signal(signal.SIGINT)
        process.wait(20)
    with open_store(home / "rows.sqlite") as store:
        assert store.count(QUESTIONS) == len(server.asked) == 10


@pytest.mark.slow
def test_two_processes_at_once_leave_one_row_a_call(home: Path) -> None:
    with serving(latency=0.01) as server:
        processes = [child(home, server, 30), child(home, server, 30)]
        assert [process.wait(60) for process in processes] == [0, 0]
    with open_store(home / "rows.sqlite") as store:
        assert store.count(QUESTIONS) == 30


# Attempts


def test_an_answer_that_cannot_be_read_is_kept_and_asked_for_once_more(store: Store) -> None:
    def second_time(number: int, body: dict[str, Any]) -> Reply:
        return answer("음, 글쎄요.", tokens=(10, 1)) if number == 0 else questions("기한은 언제까지인가요?", tokens=(10, 2))

    with serving(second_time) as server:
        written = write(store, corpus(1), environ(server), llm(attempts=3))
        assert len(server.asked) == 2
        assert write(store, corpus(1), {}, llm(attempts=3)) == written
    assert [question.question for question in written.questions] == ["기한은 언제까지인가요?"]
    assert written.unusable == {}
    assert sorted(costs(store)) == [(10 * 0.5 + 1 * 1.5) / 1e6, (10 * 0.5 + 2 * 1.5) / 1e6]


@pytest.mark.parametrize(
    ("reply", "reason"),
    [
        (answer(""), "empty"),
        (answer(None), "empty"),
        (answer("죄송하지만 그런 질문은 만들 수 없습니다."), "no_question"),
        (answer("", finish="content_filter"), "refusal"),
        (answer('{"questions": [{"ques', finish="length"), "cut"),
        (answer("쀍" * 1_000_000), "cut"),
        (answer("\x00\x01\x02"), "no_question"),
    ],
)
def test_answers_without_a_question_are_counted_by_reason_and_not_paid_for_again(store: Store, reply: Reply, reason: str) -> None:
    with serving(lambda number, body: reply) as server:
        for _ in range(2):
            written = write(store, corpus(3), environ(server), llm(attempts=2))
    assert written.unusable == {reason: 3}
    assert written.questions == ()
    assert len(server.asked) == 6
    assert ledger() == []


# Budget


@pytest.mark.parametrize(
    ("budget", "name"),
    [
        ({"MAX_REQUESTS": 7}, "HAECHI_LLM_MAX_REQUESTS"),
        ({"MAX_TOKENS": 5_000}, "HAECHI_LLM_MAX_TOKENS"),
        ({"MAX_COST": 0.005}, "HAECHI_LLM_MAX_COST"),
    ],
)
def test_a_budget_is_never_overdrawn_and_the_next_run_goes_on(store: Store, budget: dict[str, object], name: str) -> None:
    with serving(latency=0.01) as server:
        runs = 0
        for _ in range(60):
            asked, paid = len(server.asked), math.fsum(costs(store))
            try:
                written = write(store, corpus(60), environ(server, **budget))
                break
            except BudgetSpent as error:
                runs, told = runs + 1, str(error)
            assert name in told
            assert "\n" not in told
            new = server.asked[asked:]
            assert new, "each run comes further"
            assert len(new) <= budget.get("MAX_REQUESTS", 60)  # type: ignore[operator]
            assert sum(sum(one.tokens) for one in new) <= budget.get("MAX_TOKENS", 1e9)  # type: ignore[operator]
            assert math.fsum(costs(store)) - paid <= budget.get("MAX_COST", 1e9)  # type: ignore[operator]
    assert runs > 2
    assert len(server.asked) == 60, "nothing was asked twice"
    assert len(written.questions) == 180


def test_retries_count_as_requests(store: Store) -> None:
    with serving(lambda number, body: refusal(500)) as server, pytest.raises(BudgetSpent, match="after 5 requests, 0 answers"):
        write(store, corpus(4), environ(server, MAX_REQUESTS=5, TRIES=9))
    assert len(server.asked) == 5


def test_an_estimate_is_what_is_then_asked_and_not_less(store: Store) -> None:
    with serving() as server:
        variables = environ(server)
        write(store, corpus(10), variables)
        before = estimate(
            corpus(25), LlmSetup(PARAMS, LLM, store, (), {"HAECHI_LLM_PRICE_IN": "0.5", "HAECHI_LLM_PRICE_OUT": "1.5"})
        )
        asked = len(server.asked)
        write(store, corpus(25), variables)
        after = estimate(corpus(25), LlmSetup(PARAMS, LLM, store, (), {}))
    assert (before.passages, before.calls, before.stored) == (25, 25, 10)
    assert len(server.asked) - asked == 15
    assert math.isclose(before.cost, (before.tokens_in * 0.5 + before.tokens_out * 1.5) / 1e6)
    assert before.cost < before.most_cost
    assert (after.stored, after.tokens_in, after.tokens_out, after.cost) == (25, 0, 0, 0.0)


# Pace


def test_no_more_calls_are_in_flight_than_allowed_and_no_fewer(store: Store) -> None:
    """The server keeps everybody waiting until as many are there as may come, however slow the machine."""
    with serving(gather=12) as server:
        write(store, corpus(60), environ(server, CONCURRENCY=12, TIMEOUT=60))
    assert server.most_open == 12


def test_requests_per_minute(store: Store) -> None:
    with serving() as server:
        start = time.monotonic()
        write(store, corpus(10), environ(server, RPM=600))
    assert time.monotonic() - start >= 9 * 0.1


def test_a_pause_that_the_server_asks_for_is_kept_by_all(store: Store) -> None:
    times: list[float] = []

    def tired(number: int, body: dict[str, Any]) -> Reply:
        times.append(time.monotonic())
        return refusal(429, headers=(("Retry-After", "3"),)) if number == 0 else obliging(number, body)

    with serving(tired, latency=0.2) as server:
        write(store, corpus(30), environ(server, CONCURRENCY=4))
    refused = times[0] + 0.2
    assert not [moment for moment in times if refused + 1.0 < moment < refused + 2.95]  # a second for the news to arrive
    assert len(times) == 31


# What ends a run


@pytest.mark.parametrize(
    ("reply", "told"),
    [
        (refusal(401, f"wrong key {KEY}"), "refuses HAECHI_LLM_KEY (wrong key ***)"),
        (
            refusal(404, "model small not found"),
            "HAECHI_LLM_URL is wrong or the model 'small' is unknown there (http 404: model small not found)",
        ),
        (refusal(429, "insufficient_quota"), "can't pay"),
        (refusal(429, headers=(("Retry-After", "3600"),)), "asks to wait 3600 s"),
    ],
)
def test_what_no_retry_can_mend_is_one_sentence_at_once(store: Store, reply: Reply, told: str) -> None:
    with serving(lambda number, body: reply) as server, pytest.raises(EndpointError) as caught:
        write(store, corpus(200), environ(server))
    assert told in str(caught.value)
    assert "\n" not in str(caught.value)
    assert str(server.port) not in str(caught.value)
    assert len(server.asked) <= 8


def test_a_run_that_ends_takes_in_what_was_on_its_way(store: Store) -> None:
    def closing(number: int, body: dict[str, Any]) -> Reply:
        return refusal(401) if number == 7 else Reply(body=obliging(number, body).body, delay=0.5)

    with serving(closing) as server, pytest.raises(EndpointError):
        write(store, corpus(50), environ(server))
    assert len(server.asked) == 8
    assert store.count(QUESTIONS) == 7


def test_nobody_at_the_address_is_said_at_once(store: Store) -> None:
    server = Server(obliging)
    server.port = 9
    start = time.monotonic()
    with pytest.raises(EndpointError, match="nothing answers at the address in HAECHI_LLM_URL"):
        write(store, corpus(5), environ(server, BACKOFF=600))
    assert time.monotonic() - start < 120


def test_an_endpoint_that_is_down_is_given_up(store: Store) -> None:
    with (
        serving(lambda number, body: refusal(503)) as server,
        pytest.raises(EndpointError, match="20 calls in a row got no answer"),
    ):
        write(store, corpus(500), environ(server, TRIES=2))
    assert len(server.asked) < 80
    assert 20 <= len(ledger()) < 30


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"URL": None}, "HAECHI_LLM_URL is not set"),
        ({"KEY": None}, "HAECHI_LLM_KEY is not set"),
        ({"MAX_COST": 1, "PRICE_IN": None, "PRICE_OUT": None}, "HAECHI_LLM_MAX_COST needs"),
    ],
)
def test_what_is_missing_is_said_before_anything_is_asked(store: Store, changes: dict[str, object], told: str) -> None:
    with serving() as server, pytest.raises(UsageError, match=told):
        write(store, corpus(1), environ(server, **changes))
    assert server.asked == []


def test_offline_a_missing_answer_is_an_error_and_nothing_is_asked(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    with serving() as server:
        written = write(store, corpus(5), environ(server))
        monkeypatch.setenv("HAECHI_OFFLINE", "1")
        assert write(store, corpus(5), environ(server)) == written
        with pytest.raises(HaechiError, match="HAECHI_OFFLINE=1, and 2 answers of small are not in the row store"):
            write(store, corpus(7), environ(server))
    assert len(server.asked) == 5


def test_a_run_says_what_it_took(store: Store, capsys: pytest.CaptureFixture[str]) -> None:
    with serving(lambda number, body: questions("기한은 언제인가요?", tokens=(100, 10)) if number else refusal(500)) as server:
        write(store, corpus(3), environ(server, CONCURRENCY=1))
    assert "small: 4 requests, 3 answers, 330 tokens, cost 0.0002; 0 calls failed" in capsys.readouterr().out


def test_a_store_that_fails_ends_the_run_with_its_own_sentence(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object) -> None:
        raise HaechiError("rows.sqlite: the disk is full")

    monkeypatch.setattr(Store, "put", full)
    with serving() as server, pytest.raises(HaechiError, match=r"rows\.sqlite: the disk is full"):
        write(store, corpus(100), environ(server))
    assert len(server.asked) <= 16


def test_neither_key_nor_address_is_left_behind(
    home: Path, caplog: pytest.LogCaptureFixture, capfd: pytest.CaptureFixture[str]
) -> None:
    """A server that echoes them in every answer and error: no byte of store, ledger, log and output holds them."""

    def echo(number: int, body: dict[str, Any]) -> Reply:
        told = f"{KEY} {server.url}"
        return (refusal(400, told), questions(f"{told} 기한은 언제인가요?"), answer(told), refusal(503, told))[number % 4]

    with caplog.at_level("DEBUG"), serving(echo) as server, open_store(home / "rows.sqlite") as store:
        written = write(store, corpus(20), environ(server, TRIES=2, CONCURRENCY=1), llm(max_failed_share=1.0))
    assert written.questions
    assert ledger()
    bytes_left = b"".join(path.read_bytes() for path in sorted(home.rglob("*")) if path.is_file())
    shown = (caplog.text + "".join(capfd.readouterr()) + repr(written)).encode()
    for secret in (KEY.encode(), f"127.0.0.1:{server.port}".encode()):
        assert secret not in bytes_left + shown
    assert len(bytes_left) > 10_000


# The ledger itself


def test_a_ledger_survives_a_cut_line(home: Path) -> None:
    path = home / "x.jsonl"
    one = Ledger(path)
    one.add(Failure("aa", "p fact", "timeout", "", 3, 1))
    one.add(Failure("bb", "q fact", "http 500", "", 3, 1))
    path.write_bytes(path.read_bytes() + b'{"key": "cc", "id"')
    again = Ledger(path)
    again.add(Failure("aa", "p fact", "http 500", "", 2, 1))
    again.clear({"bb"})

    assert list(Ledger(path)) == [Failure("aa", "p fact", "http 500", "", 5, 2)]
    assert path.read_text(encoding="utf-8").count("\n") == 1


def test_a_worker_that_fails_by_a_bug_keeps_its_traceback(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_: object) -> None:
        raise ZeroDivisionError

    monkeypatch.setattr("haechi.llm.run_calls.prompt_tokens", broken)
    with serving() as server, pytest.raises(ExceptionGroup) as caught:
        write(store, corpus(5), environ(server))
    assert caught.group_contains(ZeroDivisionError)
