"""The page's server answers this machine alone, in measure, and tells what is wrong in one sentence."""

import http.client
import json
import socket
import threading
from collections.abc import Iterator
from contextlib import closing, suppress
from dataclasses import replace
from pathlib import Path

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st
from serving.village import CORPUS, QUESTIONS, SCRIPT, opened, served
from waiting import eventually

from haechi.runtime.errors import HaechiError
from haechi.scoring.names import BM25
from haechi.serving.engine import LONGEST, SYSTEMS, Engine
from haechi.serving.limits import DEFAULT, Gate, Limits, TooMany
from haechi.serving.server import bound


@pytest.fixture(scope="module")
def engine(tmp_path_factory: pytest.TempPathFactory) -> Engine:
    folder = tmp_path_factory.mktemp("village")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("DVC_ROOT", str(folder))
        return opened(folder)


@pytest.fixture(scope="module")
def url(engine: Engine) -> Iterator[str]:
    with served(engine, replace(DEFAULT, per_second=1e6, burst=10**6)) as url:
        yield url


def post(url: str, **asked: object) -> httpx.Response:
    return httpx.post(f"{url}/api/search", json=asked)


def raw(url: str, path: str) -> int:
    """The status of a path that is sent as it is."""
    with closing(http.client.HTTPConnection(url.removeprefix("http://"), timeout=10)) as connection:
        connection.request("GET", path)
        return connection.getresponse().status


# What it answers


def test_it_answers_what_the_engine_finds(url: str, engine: Engine) -> None:
    """Asked in the address or in a body."""
    expected = engine.ask(QUESTIONS[0], 3)
    for reply in (post(url, q=QUESTIONS[0], k=3), httpx.get(f"{url}/api/search", params={"q": QUESTIONS[0], "k": 3})):
        assert reply.status_code == 200
        found = reply.json()
        assert found["words"] == list(expected.words)
        for system in SYSTEMS:
            assert [hit["id"] for hit in found["lists"][system]] == [hit.id for hit in expected.lists[system]]


def test_filters_narrow_it(url: str) -> None:
    for reply in (
        post(url, q="마을 회의", law=["시장법"], type=["law"]),
        httpx.get(f"{url}/api/search", params={"q": "마을 회의", "law": "시장법", "type": "law"}),
    ):
        assert {hit["law"] for hits in reply.json()["lists"].values() for hit in hits} == {"시장법"}
    known = httpx.get(f"{url}/api/filters").json()
    assert known["laws"]["마을법"] == 6
    assert sum(known["types"].values()) == len(CORPUS)


def test_it_says_that_it_is_well(url: str, engine: Engine) -> None:
    expected = {
        "status": "ok",
        "model": engine.index.model,
        "passages": len(CORPUS),
        "systems": ["bm25", "tuned"],
        "form": "classes",
        "note": "",
    }
    assert httpx.get(f"{url}/health").json() == expected


# Whom it answers


@pytest.mark.parametrize("host", ["example.com", "127.0.0.1.example.com", "localhost.example.com", "10.0.0.1", "", "[::1]"])
@pytest.mark.parametrize("path", ["/", "/api/search?q=우물", "/api/filters", "/health", "/app.js"])
def test_another_name_is_refused(url: str, host: str, path: str) -> None:
    """A page elsewhere can point its own name at 127.0.0.1; its requests carry that name."""
    reply = httpx.get(f"{url}{path}", headers={"host": host})
    assert reply.status_code == 400
    assert "마을" not in reply.text


def test_this_machine_s_own_names_are_served(url: str) -> None:
    port = url.rpartition(":")[2]
    for host in ("127.0.0.1", "localhost", f"localhost:{port}", f"127.0.0.1:{port}"):
        assert httpx.get(f"{url}/health", headers={"host": host}).status_code == 200


@pytest.mark.parametrize("site", ["cross-site", "same-site"])
def test_another_site_s_page_is_refused(url: str, site: str) -> None:
    headers = {"sec-fetch-site": site}
    assert httpx.get(f"{url}/api/search?q=a", headers=headers).status_code == 403
    assert httpx.post(f"{url}/api/search", json={"q": "a"}, headers=headers).status_code == 403
    assert httpx.get(f"{url}/", headers=headers).status_code == 200, "a link to the page may be followed"
    assert httpx.get(f"{url}/health", headers={"sec-fetch-site": "same-origin"}).status_code == 200


def test_it_listens_on_this_machine_alone(url: str) -> None:
    port = int(url.rpartition(":")[2])
    listening = {
        line.split()[1]
        for table in ("tcp", "tcp6")
        for line in Path(f"/proc/net/{table}").read_text().splitlines()[1:]
        if line.split()[1].endswith(f":{port:04X}") and line.split()[3] == "0A"
    }
    assert listening == {f"0100007F:{port:04X}"}


def test_every_answer_forbids_foreign_scripts(url: str) -> None:
    for reply in (httpx.get(f"{url}/"), httpx.get(f"{url}/nowhere"), post(url, q=""), httpx.get(url, headers={"host": "x"})):
        policy = reply.headers["content-security-policy"]
        assert "default-src 'none'" in policy
        assert "script-src 'self';" in policy
        assert "unsafe" not in policy
        assert reply.headers["x-content-type-options"] == "nosniff"
        assert "access-control-allow-origin" not in reply.headers
        assert "server" not in reply.headers or "uvicorn" in reply.headers["server"]


def test_texts_go_out_as_json_alone(url: str) -> None:
    reply = post(url, q="우물 안내", type=["doc"])
    assert reply.headers["content-type"] == "application/json"
    assert SCRIPT in {hit["name"].removeprefix("우물 안내 ") for hit in reply.json()["lists"][BM25]}


# What it refuses


@pytest.mark.parametrize(
    ("asked", "status", "name"),
    [
        ({"q": ""}, 400, "empty"),
        ({"q": " \n"}, 400, "empty"),
        ({"q": "가" * (LONGEST + 1)}, 400, "too_long"),
        ({"q": "우물", "law": ["없는법"]}, 400, "bad_filter"),
        ({"q": "우물", "type": ["x"]}, 400, "bad_filter"),
        ({"q": "우물", "k": 0}, 400, "bad_request"),
        ({"q": "우물", "k": 51}, 400, "bad_request"),
        ({"q": "우물", "k": "3"}, 400, "bad_request"),
        ({"q": 5}, 400, "bad_request"),
        ({}, 400, "bad_request"),
        ({"q": "우물", "depth": 5}, 400, "bad_request"),
        ({"q": "가" * 20_000}, 413, "too_long"),
    ],
)
def test_what_can_not_be_answered_is_one_sentence(url: str, asked: dict[str, object], status: int, name: str) -> None:
    reply = post(url, **asked)
    assert (reply.status_code, reply.json()["error"]) == (status, name)
    assert "\n" not in reply.json()["message"]


@pytest.mark.parametrize("body", [b"", b"{", b"[1]", b'"q"', b"null", b"\xff", b'{"q": "\\ud800"}'])
def test_a_body_that_is_no_search_is_refused(url: str, body: bytes) -> None:
    reply = httpx.post(f"{url}/api/search", content=body, headers={"content-type": "application/json"})
    assert reply.status_code == 400


def test_a_form_is_refused(url: str) -> None:
    """Other sites may send forms without asking; JSON they may not."""
    assert httpx.post(f"{url}/api/search", data={"q": "우물"}).status_code == 415


@pytest.mark.slow
@given(query=st.text(max_size=60))
def test_any_query_gets_an_answer(url: str, query: str) -> None:
    """Never a failure of the server."""
    for reply in (post(url, q=query), httpx.get(f"{url}/api/search", params={"q": query})):
        assert reply.status_code == (200 if query.strip() else 400)


def test_the_longest_query_fits_into_an_address(url: str) -> None:
    assert httpx.get(f"{url}/api/search", params={"q": "가" * LONGEST}).status_code == 200
    assert httpx.get(f"{url}/api/search", params={"q": "가" * (LONGEST + 1)}).json()["error"] == "too_long"
    assert raw(url, f"/api/search?q={'%EA%B0%80' * 20_000}") == 400


def test_a_long_body_is_cut_off_before_it_has_arrived(url: str) -> None:
    """Without its length said beforehand."""
    sent = 0

    def endless() -> Iterator[bytes]:
        nonlocal sent
        for _ in range(10_000):
            sent += 10_000
            yield b"x" * 10_000

    try:
        status = httpx.post(f"{url}/api/search", content=endless(), headers={"content-type": "application/json"}).status_code
    except httpx.HTTPError:  # the server hung up while we were sending
        status = 413
    assert status == 413
    assert sent < 100_000_000


def test_no_page_is_elsewhere(url: str) -> None:
    for path in ("/../app.py", "/app.py", "/page/../app.py", "/%2e%2e/app.py", "//etc/passwd", "/style.css/../../app.py"):
        assert raw(url, path) == 404
    assert httpx.delete(f"{url}/api/search").status_code == 405


# Limits


def test_a_full_house_is_told_to_come_back(engine: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    hold, inside = threading.Event(), threading.Event()
    gates: list[Gate] = []

    def gate(limits: Limits) -> Gate:
        gates.append(Gate(limits))
        return gates[-1]

    monkeypatch.setattr("haechi.serving.app.Gate", gate)

    class Slow(Engine):
        def __init__(self) -> None:
            self.__dict__ = engine.__dict__

        def ask(self, *asked: object) -> object:  # type: ignore[override]
            inside.set()
            hold.wait(10)
            return engine.ask(*asked)  # type: ignore[arg-type]

    with served(Slow(), Limits(at_once=3, workers=1)) as url:
        replies: list[int] = []
        visitors = [threading.Thread(target=lambda: replies.append(post(url, q="우물").status_code)) for _ in range(3)]
        for visitor in visitors:
            visitor.start()
        assert eventually(lambda: gates[0]._inside == 3)
        refused = post(url, q="우물")
        assert httpx.get(f"{url}/health").status_code == 200, "health is answered in a full house too"
        hold.set()
        for visitor in visitors:
            visitor.join()
    assert (refused.status_code, refused.json()["error"], refused.headers["retry-after"]) == (503, "busy", "1")
    assert replies == [200, 200, 200]


def test_a_visitor_in_a_hurry_is_told_to_wait(engine: Engine) -> None:
    with served(engine, Limits(per_second=0.001, burst=2)) as url:
        statuses = [post(url, q="우물").status_code for _ in range(4)]
        last = post(url, q="우물")
    assert statuses == [200, 200, 429, 429]
    assert last.json()["error"] == "too_fast"


@given(rate=st.floats(0.5, 50), burst=st.integers(1, 20), waits=st.lists(st.floats(0, 2), min_size=1, max_size=60))
def test_no_more_come_in_than_the_rate_allows(rate: float, burst: int, waits: list[float]) -> None:
    """Whenever they come; and whoever waits long enough gets in."""
    clock = [0.0]
    gate = Gate(Limits(per_second=rate, burst=burst), lambda: clock[0])
    entered = 0
    for wait in waits:
        clock[0] += wait
        with suppress(TooMany), gate.entered():
            entered += 1
        assert entered <= burst + clock[0] * rate + 1e-6
    clock[0] += 1.001 / rate
    with gate.entered():
        pass


def test_whoever_fails_leaves_the_house() -> None:
    gate = Gate(Limits(at_once=1))
    for _ in range(5):
        with pytest.raises(ValueError, match="x"), gate.entered():
            raise ValueError("x")


# The port


def test_a_busy_port_is_one_sentence() -> None:
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        port = other.getsockname()[1]
        with pytest.raises(HaechiError, match=rf"port {port} can't be had .*; choose another with --port, or 0 for any") as error:
            bound(port)
    assert "\n" not in str(error.value)
    with bound(port):
        pass


def test_json_of_a_search_is_what_the_address_gives(url: str) -> None:
    """No NaN, no infinity: every number can be read elsewhere."""
    json.loads(post(url, q="우물").text, parse_constant=lambda name: pytest.fail(name))
