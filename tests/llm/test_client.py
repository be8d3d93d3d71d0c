"""One request: what comes back, what it is taken for, and that key and address stay where they belong."""

import asyncio
import json
import logging
import traceback
from urllib.parse import quote, quote_plus

import pytest
from llm.chat_server import Plan, Reply, Server, answer, refusal, serving
from questions.asking import KEY, environ

from haechi.llm.client import LONGEST_ANSWER, Client, read_answer, said
from haechi.llm.endpoint import Endpoint, endpoint_from, limits_from
from haechi.llm.types import ADAPTED, Answer, Model, Trouble, Usage

MODEL = Model("small", 0.5, 0.9, 100)
MESSAGES = [{"role": "user", "content": "안녕"}]
SCHEMA: dict[str, object] = {"type": "object"}
NOWHERE = Endpoint("http://127.0.0.1:9/v1", KEY)


def ask(server: Server, times: int = 1, **changes: object) -> list[Answer | Trouble]:
    variables = environ(server, **changes)

    async def run() -> list[Answer | Trouble]:
        client = Client(endpoint_from(variables), limits_from(variables))
        try:
            return [await client.ask(MODEL, MESSAGES, SCHEMA) for _ in range(times)]
        finally:
            await client.close()

    return asyncio.run(run())


def plan(*replies: Reply) -> Plan:
    return lambda number, body: replies[min(number, len(replies) - 1)]


def outcome(*replies: Reply, **changes: object) -> Answer | Trouble:
    with serving(plan(*replies)) as server:
        return ask(server, **changes)[0]


def test_an_answer_comes_with_its_usage() -> None:
    assert outcome(answer("그래", tokens=(12, 3))) == Answer("그래", "stop", Usage(12, 3))


def test_a_request_says_what_was_asked_and_nothing_of_this_machine(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("API_KEY", "ADMIN_KEY", "ORG_ID", "PROJECT_ID"):
        monkeypatch.setenv(f"OPENAI_{name}", "of-another-house")
    monkeypatch.setenv("OPENAI_CUSTOM_HEADERS", "X-Secret: of-another-house")
    monkeypatch.setenv("OPENAI_BASE_URL", "http://127.0.0.1:9/elsewhere")
    with serving(plan(answer("그래"))) as server:
        ask(server)
    (asked,) = server.asked

    assert asked.path == "/v1/chat/completions"
    assert asked.body == {
        "model": "small",
        "messages": MESSAGES,
        "temperature": 0.5,
        "top_p": 0.9,
        "max_tokens": 100,
        "response_format": {"type": "json_schema", "json_schema": {"name": "answer", "strict": True, "schema": SCHEMA}},
    }
    assert asked.headers["Authorization"] == f"Bearer {KEY}"
    assert {name.lower() for name in asked.headers} == {
        "host", "accept", "accept-encoding", "connection", "content-type", "content-length", "user-agent", "authorization"
    }  # fmt: skip
    assert "of-another-house" not in json.dumps(asked.headers)


def test_a_server_without_key_gets_none() -> None:
    with serving(plan(answer("그래"))) as server:
        ask(server, KEY="none")
    assert "Authorization" not in server.asked[0].headers


@pytest.mark.parametrize(
    ("reply", "reason", "again", "fatal"),
    [
        (refusal(400), "http 400", False, False),
        (refusal(401), "http 401", False, True),
        (refusal(402), "http 402", False, True),
        (refusal(403), "http 403", False, True),
        (refusal(404), "http 404", False, True),
        (refusal(408), "http 408", True, False),
        (refusal(413), "http 413", False, False),
        (refusal(429), "http 429", True, False),
        (refusal(429, "insufficient_quota"), "http 429", False, True),
        (refusal(500), "http 500", True, False),
        (refusal(503), "http 503", True, False),
        (refusal(301, headers=(("Location", "http://127.0.0.1:9/"),)), "http 301", False, True),
        (Reply(502, b"<html>bad gateway</html>"), "http 502", True, False),
        (Reply(200, b"<html>welcome</html>"), "malformed reply", True, False),
        (Reply(200, b'{"choices": []}'), "malformed reply", True, False),
        (Reply(200, b'{"choices": [{"message": null}]}'), "malformed reply", True, False),
        (Reply(200, b"[]"), "malformed reply", True, False),
        (Reply(200, b""), "malformed reply", True, False),
        (answer("그래", manner="half"), "no connection or a broken one", True, False),
        (answer("그래", manner="drop"), "no connection or a broken one", True, False),
        (Reply(200, b" " * (9 << 20)), "answer too large", False, False),
    ],
)
def test_every_mishap_has_a_reason_and_a_consequence(reply: Reply, reason: str, again: bool, fatal: bool) -> None:
    trouble = outcome(reply)

    assert isinstance(trouble, Trouble)
    assert (trouble.reason, trouble.again, trouble.fatal, trouble.unheard) == (reason, again, fatal, False)


@pytest.mark.parametrize("reply", [answer("그래", delay=30), answer("그래" * 500, manner="drip")])
def test_a_call_ends_in_time_whether_the_server_is_silent_or_drips(reply: Reply) -> None:
    assert outcome(reply, TIMEOUT=0.3) == Trouble("timeout", again=True)


def test_nobody_there() -> None:
    server = Server(plan(answer("")))
    server.port = 9  # discard: nothing listens
    (trouble,) = ask(server)

    assert trouble == Trouble("no connection or a broken one", again=True, unheard=True)


def test_retry_after_is_heard() -> None:
    trouble = outcome(refusal(429, headers=(("Retry-After", "7"),)))

    assert isinstance(trouble, Trouble)
    assert trouble.wait == 7.0


def test_an_endpoint_without_schemas_is_asked_without() -> None:
    def no_schema(number: int, body: dict[str, object]) -> Reply:
        return refusal(400, "response_format is not supported") if "response_format" in body else answer("그래")

    with serving(no_schema) as server:
        first, second, third = ask(server, times=3)
    assert isinstance(first, Trouble)
    assert first.reason == ADAPTED
    assert isinstance(second, Answer)
    assert isinstance(third, Answer)
    assert ["response_format" in asked.body for asked in server.asked] == [True, False, False]


def test_a_model_that_wants_max_completion_tokens_gets_them() -> None:
    def new(number: int, body: dict[str, object]) -> Reply:
        return refusal(400, "use 'max_completion_tokens' instead") if "max_tokens" in body else answer("그래")

    with serving(new) as server:
        ask(server, times=2)
    assert [asked.body.get("max_completion_tokens") for asked in server.asked] == [None, 100]


def test_adapting_ends() -> None:
    with serving(plan(refusal(400, "response_format and max_completion_tokens, all of it is wrong"))) as server:
        reasons = [trouble.reason for trouble in ask(server, times=4) if isinstance(trouble, Trouble)]
    assert reasons == [ADAPTED, ADAPTED, "http 400", "http 400"]


def test_a_huge_answer_is_cut_and_says_so() -> None:
    found = outcome(answer("가" * 1_000_000))  # 3 MB

    assert isinstance(found, Answer)
    assert len(found.text) == LONGEST_ANSWER
    assert found.finish == "length"


@pytest.mark.parametrize(
    ("message", "text", "finish"),
    [
        ({"content": None}, "", "stop"),
        ({"content": None, "refusal": "못 합니다"}, "못 합니다", "refusal"),
        ({"content": [{"type": "text", "text": "가"}, {"type": "text", "text": "나"}, 3]}, "가나", "stop"),
        ({"content": {"a": 1}}, "", "stop"),
    ],
)
def test_answers_come_in_many_shapes(message: dict[str, object], text: str, finish: str) -> None:
    assert read_answer(json.dumps({"choices": [{"message": message}]}).encode(), NOWHERE) == Answer(text, finish, None)


def test_half_a_character_is_no_reply() -> None:
    assert read_answer(json.dumps({"choices": [{"message": {"content": "\ud800"}}]}).encode(), NOWHERE) == Trouble(
        "malformed reply", again=True
    )


@pytest.mark.parametrize(
    "usage",
    [
        None,
        {},
        [],
        {"prompt_tokens": 1},
        {"prompt_tokens": -1, "completion_tokens": 2},
        {"prompt_tokens": "1", "completion_tokens": 2},
    ],
)
def test_a_usage_that_makes_no_sense_is_none(usage: object) -> None:
    found = read_answer(json.dumps({"choices": [{"message": {"content": "가"}}], "usage": usage}).encode(), NOWHERE)

    assert isinstance(found, Answer)
    assert found.usage is None


SPELLINGS = [
    "sk-pl/anted+01&23=456",
    quote("sk-pl/anted+01&23=456"),
    quote("sk-pl/anted+01&23=456", safe=""),
    quote_plus("sk-pl/anted+01&23=456"),
]


def test_wherever_a_server_echoes_them_key_and_address_are_taken_out(
    caplog: pytest.LogCaptureFixture, capfd: pytest.CaptureFixture[str]
) -> None:
    """In answers, in errors of every status, in headers that libraries log, in links: in no object that leaves the client."""
    key = SPELLINGS[0]

    def echo(number: int, body: dict[str, object]) -> Reply:
        told = f"key {' '.join(SPELLINGS)} at {server.url} or http://127.0.0.1:{server.port}/v1?key={key} 끝"
        headers = (("X-Echo", key), ("Location", f"http://127.0.0.1:{server.port}/v1?key={key}"))
        replies = [
            answer(told),
            answer(None),
            *(refusal(status, told, headers=headers) for status in (301, 400, 401, 404, 429, 500)),
        ]
        return replies[number % len(replies)]

    with caplog.at_level(logging.DEBUG), serving(echo) as server:
        results = ask(server, times=8, KEY=key)
        secrets = [*SPELLINGS, str(server.port), "127.0.0.1"]
        seen = repr(results) + caplog.text + "".join(capfd.readouterr())
    assert any(isinstance(result, Answer) and "끝" in result.text for result in results)
    assert sum("끝" in result.detail for result in results if isinstance(result, Trouble)) >= 5
    assert [secret for secret in secrets if secret in seen] == []


def test_a_traceback_holds_neither_key_nor_address(caplog: pytest.LogCaptureFixture) -> None:
    """Of a bug, when everything is printed."""

    async def run() -> str:
        variables = environ(server)
        client = Client(endpoint_from(variables), limits_from(variables))
        try:
            await client._openai.chat.completions.create(model="x", messages=[])
        except Exception:
            return traceback.format_exc()
        finally:
            await client.close()
        return ""

    with caplog.at_level(logging.DEBUG), serving(plan(refusal(500))) as server:
        told = asyncio.run(run())
    assert "500" in told
    assert KEY not in told + caplog.text


def test_what_a_server_says_is_shown_only_where_it_is_a_message() -> None:
    assert said(b"<html>" + KEY.encode(), NOWHERE) == ""
    assert said(json.dumps({"error": {"code": "bad", "message": f"no {KEY}\nnever"}}).encode(), NOWHERE) == "bad no *** never"
    assert said(b'{"detail": "Not Found"}', NOWHERE) == "Not Found"
    assert said(b'{"error": "plain"}', NOWHERE) == "plain"
    assert said(b'"text"', NOWHERE) == ""
    assert len(said(json.dumps({"message": "가" * 9_999}).encode(), NOWHERE)) == 200
