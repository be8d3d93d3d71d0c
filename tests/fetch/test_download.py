"""Downloads against a service of our own that misbehaves: everything arrives once, failures are remembered, the key stays secret."""

import itertools
import json
import logging
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from random import Random
from types import SimpleNamespace
from typing import Any
from urllib.parse import quote, quote_plus

import pytest
from click.testing import CliRunner
from fetch.service import (
    BROKEN,
    CUT,
    HALF,
    HTML,
    KEY,
    LATE,
    MOVED,
    NO_RECORD,
    REFUSED,
    LawService,
    Reply,
    as_json,
    busy,
    busy_until,
    precedent,
    precedents,
    running,
)
from parsing.law_examples import law, rule

from haechi.cli.main import main
from haechi.fetch import client as client_module
from haechi.fetch.client import Client, LawServiceError, Pace, Service
from haechi.fetch.download import LEDGER, Outcome, download
from haechi.fetch.replies import TARGETS
from haechi.parsing.ingest import read_corpus
from haechi.runtime.errors import HaechiError

QUICK = Pace(delay=0.0, timeout=1.0, tries=3, unit=0.004)
SPELLINGS = (KEY, quote(KEY), quote(KEY, safe=""), quote_plus(KEY))


@pytest.fixture(autouse=True)
def _everything_logged(caplog: pytest.LogCaptureFixture, tmp_path: Path) -> Iterator[None]:
    """Whatever a test does, the key is in no log line at any level and in no file."""
    caplog.set_level(logging.DEBUG)
    yield
    assert not any(holds_key(record.getMessage()) for record in caplog.get_records("call"))
    assert not any(holds_key(file.read_text()) for file in tmp_path.rglob("*") if file.is_file())


def holds_key(text: str) -> bool:
    return any(spelling in text for spelling in SPELLINGS)


@contextmanager
def client_of(service: LawService, pace: Pace = QUICK, sleeps: list[float] | None = None) -> Iterator[Client]:
    """Real waits unless they are to be written down."""
    more: dict[str, Any] = {} if sleeps is None else {"sleep": sleeps.append}
    with closing(Client(Service(service.url, KEY), pace, Random(1), **more)) as client:  # noqa: S311  # jitter
        yield client


def fetched(service: LawService, out: Path, name: str = "precedents", **more: Any) -> Outcome:
    with client_of(service) as client:
        return download(client, TARGETS[name], out, **more)


def names(out: Path) -> list[str]:
    return sorted(path.name for path in out.iterdir())


def ledger(out: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in (out / LEDGER).read_text().splitlines()]


def test_three_pages_end_with_the_last_single_row(tmp_path: Path) -> None:
    """5 records on pages of 2, 2 and 1; the one comes without its list."""
    with running(precedents(5, page_size=2)) as service:
        outcome = fetched(service, tmp_path)

    assert outcome == Outcome(announced=5, listed=5, from_ledger=0, present=0, fetched=5, failed={})
    assert service.pages() == ["1", "2", "3"]
    assert names(tmp_path) == [f"{id}.json" for id in service.records]
    assert service.wrong_keys == 0


def test_what_is_fetched_reads_as_a_corpus(tmp_path: Path) -> None:
    """Laws, rules and decisions, each from their own list."""
    with running(LawService("law", "LawSearch", "법령ID", {"000777": law()})) as service:
        fetched(service, tmp_path / "laws", "laws")
    with running(LawService("admrul", "AdmRulSearch", "행정규칙일련번호", {"2100000000042": rule()})) as service:
        fetched(service, tmp_path / "admin_rules", "admin-rules")
    with running(precedents(2)) as service:
        fetched(service, tmp_path / "precedents")
    corpus = read_corpus(tmp_path)

    assert (len(corpus.statutes), len(corpus.rules), len(corpus.decisions)) == (1, 1, 2)
    assert corpus.unreadable == ()
    assert json.loads((tmp_path / "laws/000777.json").read_text()) == law()
    record = json.loads((tmp_path / "precedents/70001.json").read_text())
    assert (record["판결본문"], record["사건유형"], record["선고일자"]) == ("【주 문】 상고를 기각한다.", "민사", "20101223")
    assert len(record) == 12


@pytest.mark.parametrize("spoiled", [[BROKEN], [HALF], [CUT], [LATE], [busy(0)], [BROKEN, HALF]], ids=str)
def test_passing_trouble_is_tried_again(tmp_path: Path, spoiled: list[Reply]) -> None:
    """500, half a JSON, a cut connection, an answer too late, 429: the record comes at the next try."""
    with running(precedents(2)) as service:
        service.spoiled["70001"] = list(spoiled)
        outcome = fetched(service, tmp_path)

    assert outcome.fetched == 2
    assert service.details() == {"70000": 1, "70001": 1 + len(spoiled)}
    assert names(tmp_path) == ["70000.json", "70001.json"]


def test_lists_are_tried_again_too(tmp_path: Path) -> None:
    with running(precedents(3, page_size=2)) as service:
        service.spoiled |= {"page 1": [BROKEN], "page 2": [HALF, BROKEN]}
        outcome = fetched(service, tmp_path)

    assert outcome.fetched == 3
    assert service.pages() == ["1", "1", "2", "2", "2"]


def test_retry_after_is_honoured_as_seconds_and_as_a_date(tmp_path: Path) -> None:
    """The backoff alone would be a few milliseconds."""
    sleeps: list[float] = []
    with running(precedents(2)) as service, client_of(service, sleeps=sleeps) as client:
        service.spoiled |= {"70000": [busy(5)], "70001": [busy_until(100)]}
        assert download(client, TARGETS["precedents"], tmp_path).fetched == 2

    assert sleeps[0] == 5
    assert 90 < sleeps[1] <= 100


def test_a_very_long_retry_after_ends_the_run(tmp_path: Path) -> None:
    with running(precedents(3)) as service:
        service.always["70001"] = busy(7200)
        with pytest.raises(LawServiceError, match="asks to wait 7200 s"):
            fetched(service, tmp_path)

    assert names(tmp_path) == ["70000.json"]
    assert service.details() == {"70000": 1, "70001": 1}


def test_requests_keep_their_distance(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Starts of requests, retries included, on a clock that goes on only while the client waits."""
    clock, starts = [0.0], []

    def wait(seconds: float) -> None:
        clock[0] += seconds

    monkeypatch.setattr(client_module, "time", SimpleNamespace(monotonic=lambda: clock[0]))
    with (
        running(precedents(4)) as service,
        closing(Client(Service(service.url, KEY), Pace(0.05, 1.0, 3, 0.001), Random(1), wait)) as client,  # noqa: S311  # jitter
    ):
        client._http.event_hooks = {"request": [lambda _: starts.append(clock[0])]}
        service.spoiled["70001"] = [BROKEN]
        download(client, TARGETS["precedents"], tmp_path)

    assert len(starts) == len(service.asked) == 6
    assert min(after - before for before, after in itertools.pairwise(starts)) == pytest.approx(0.05)


def test_a_record_that_always_fails_is_in_the_ledger_until_it_comes(tmp_path: Path) -> None:
    """Tries add up over runs; the others are not fetched again; the ledger goes when nothing is left in it."""
    with running(precedents(4)) as service:
        service.always |= {"70001": BROKEN, "70002": NO_RECORD}
        first = fetched(service, tmp_path)
        assert first.failed == {"http 500": 1, "일치하는 판례가 없습니다. 판례명을 확인하여 주십시오.": 1}
        assert [(row["target"], row["id"], row["tries"]) for row in ledger(tmp_path)] == [
            ("prec", "70001", 3),
            ("prec", "70002", 1),
        ]

        del service.always["70002"]
        second = fetched(service, tmp_path)
        assert second == Outcome(announced=4, listed=4, from_ledger=0, present=2, fetched=1, failed={"http 500": 1})
        assert ledger(tmp_path) == [{"target": "prec", "id": "70001", "reason": "http 500", "tries": 6}]

        service.always.clear()
        third = fetched(service, tmp_path, most=1)
        assert third == Outcome(announced=1, listed=1, from_ledger=1, present=1, fetched=1, failed={})

    assert names(tmp_path) == [f"{id}.json" for id in service.records]
    assert service.details() == {"70000": 1, "70001": 7, "70002": 2, "70003": 1}


def test_an_html_page_for_a_record_fails_that_record_only(tmp_path: Path) -> None:
    """Twelve in a row don't end the run: the service answers."""
    with running(precedents(14)) as service:
        service.always |= {str(70000 + number): HTML for number in range(12)}
        outcome = fetched(service, tmp_path)

    assert (outcome.fetched, outcome.failed) == (2, {"HTML or XML instead of JSON": 12})


def test_ten_silences_in_a_row_end_the_run_but_not_the_next_one(tmp_path: Path) -> None:
    """The second run begins with what was not tried and goes on to the end."""
    with running(precedents(15)) as service:
        service.always |= {str(70000 + number): BROKEN for number in range(11)}
        with pytest.raises(LawServiceError, match=r"10 records in a row got no answer \(http 500\)"):
            fetched(service, tmp_path)
        assert len(ledger(tmp_path)) == 10
        assert max(service.details()) == "70009"
        outcome = fetched(service, tmp_path)

    assert (outcome.fetched, outcome.failed) == (4, {"http 500": 11})


@pytest.mark.parametrize(
    ("reply", "sentence"),
    [
        (HTML, "page 1 of the list of precedents can't be read: HTML or XML instead of JSON"),
        (MOVED, "page 1 of the list of precedents can't be read: http 302"),
        (BROKEN, "page 1 of the list of precedents can't be read: http 500 (tried 3 times)"),
        (
            REFUSED,
            "the law service refuses: 사용자 정보 검증에 실패하였습니다. 등록되지 않은 키입니다: *** (check HAECHI_LAW_OC)",
        ),
        (as_json({"Law": f"no user {KEY}"}), "page 1 of the list of precedents can't be read: no user ***"),
    ],
)
def test_a_list_that_can_not_be_had_is_one_sentence(tmp_path: Path, reply: Reply, sentence: str) -> None:
    with running(precedents(1)) as service:
        service.always["page 1"] = reply
        with pytest.raises(LawServiceError) as caught:
            fetched(service, tmp_path)

    assert str(caught.value) == sentence
    assert caught.value.__cause__ is None
    assert names(tmp_path) == []


def test_a_refusal_in_mid_run_ends_it(tmp_path: Path) -> None:
    with running(precedents(3)) as service:
        service.always["70001"] = REFUSED
        with pytest.raises(LawServiceError, match="refuses"):
            fetched(service, tmp_path)

    assert names(tmp_path) == ["70000.json"]


def test_no_service_is_one_sentence_without_the_key(tmp_path: Path) -> None:
    with running(precedents(1)) as service:
        pass
    with pytest.raises(LawServiceError, match="no connection") as caught:
        fetched(service, tmp_path)

    assert not holds_key(repr(caught.value.__context__))


def test_another_record_than_the_one_asked_for_is_not_kept(tmp_path: Path) -> None:
    with running(precedents(2)) as service:
        service.always["70001"] = as_json(precedent("70000"))
        outcome = fetched(service, tmp_path)

    assert outcome.failed == {"another record than the one asked for": 1}
    assert not (tmp_path / "70001.json").exists()


def test_files_on_disk_stay_unless_they_are_damaged(tmp_path: Path) -> None:
    """Half a file and a file of another record are fetched anew."""
    (tmp_path / "70000.json").write_text('{"판례일련번호": "70000", "판시사항": "mine"}')
    (tmp_path / "70001.json").write_text('{"판례일련번호": "700')
    (tmp_path / "70002.json").write_text('{"판례일련번호": "1"}')
    with running(precedents(4)) as service:
        outcome = fetched(service, tmp_path)

    assert (outcome.present, outcome.fetched) == (1, 3)
    assert service.details() == {"70001": 1, "70002": 1, "70003": 1}
    assert json.loads((tmp_path / "70000.json").read_text())["판시사항"] == "mine"


def test_a_law_is_never_overwritten_by_a_precedent_of_the_same_number(tmp_path: Path) -> None:
    text = json.dumps({"법령": {"기본정보": {"법령ID": "070000"}}})
    (tmp_path / "070000.json").write_text(text)
    with running(LawService("prec", "PrecSearch", "판례일련번호", {"070000": precedent("070000")})) as service:  # noqa: SIM117  # the line would be too long
        with pytest.raises(HaechiError, match="give the precedents a folder of their own"):
            fetched(service, tmp_path)

    assert (tmp_path / "070000.json").read_text() == text


def test_a_service_that_repeats_its_page_comes_to_an_end(tmp_path: Path) -> None:
    """Announced 9, listed 2: said, not looped over."""
    with running(precedents(2)) as service:
        page = as_json({"PrecSearch": {"totalCnt": "9", "prec": [{"판례일련번호": id} for id in service.records]}})
        service.always |= {"page 1": page, "page 2": page}
        outcome = fetched(service, tmp_path)

    assert (outcome.announced, outcome.listed, outcome.fetched) == (9, 2, 2)
    assert service.pages() == ["1", "2"]


def test_the_first_few_need_no_further_page(tmp_path: Path) -> None:
    with running(precedents(9, page_size=2)) as service:
        outcome = fetched(service, tmp_path, most=3)

    assert service.pages() == ["1", "2"]
    assert names(tmp_path) == ["70000.json", "70001.json", "70002.json"]
    assert (outcome.announced, outcome.listed) == (3, 3)


# The command

# A shell may have told its background jobs to ignore Ctrl-C; the signal must mean here what it means to a person.
PROGRAM = """
import signal
signal.signal(signal.SIGINT, signal.default_int_handler)
from haechi.cli.main import entry
entry()
"""


def started(service: LawService, out: Path, **environment: str) -> subprocess.Popen[str]:
    """The command in a process of its own, its error output in its output."""
    return subprocess.Popen(
        [sys.executable, "-c", PROGRAM, "fetch", "precedents", "--out", str(out), "--delay", "0"],
        env=os.environ | {"HAECHI_LAW_OC": KEY, "HAECHI_LAW_URL": service.url} | environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )


@pytest.mark.parametrize("stop", [signal.SIGKILL, signal.SIGINT], ids=["kill", "ctrl-c"])
def test_a_stopped_run_goes_on_where_it_was(tmp_path: Path, stop: signal.Signals) -> None:
    """Nothing that arrived is fetched twice, and no file is half; the request under way is made again."""
    out = tmp_path / "out"
    with running(precedents(12)) as service:
        service.spoiled["70005"] = [Reply(b"{}", wait=20)]  # the run hangs here until it is stopped
        with started(service, out) as run:
            while not service.details()["70005"]:
                assert run.poll() is None
                time.sleep(0.005)
            run.send_signal(stop)
            said, _ = run.communicate(timeout=20)
        assert run.returncode == (130 if stop == signal.SIGINT else -signal.SIGKILL)
        assert not holds_key(said)
        assert names(out) == [f"7000{number}.json" for number in range(5)]
        assert all(json.loads(path.read_text())["판결본문"] for path in out.iterdir())
        outcome = fetched(service, out)

    assert (outcome.present, outcome.fetched) == (5, 7)
    assert service.details() == dict.fromkeys(service.records, 1) | {"70005": 2}
    assert len(read_corpus(out).decisions) == 12


def test_the_closing_table_counts_everything(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with running(precedents(4)) as service:
        monkeypatch.setenv("HAECHI_LAW_OC", KEY)
        monkeypatch.setenv("HAECHI_LAW_URL", service.url)
        fetched(service, tmp_path, most=1)
        service.always["70001"] = NO_RECORD
        service.always["70002"] = HTML
        result = CliRunner().invoke(main, ["fetch", "precedents", "--out", str(tmp_path), "--delay", "0"], catch_exceptions=False)

    table = {
        cells[0].strip(): cells[1].strip()
        for cells in (line.strip("│").split("│") for line in result.output.splitlines() if line.startswith("│"))
    }
    assert table == {
        "listed": "4",
        "already there": "1",
        "fetched": "1",
        "failed: HTML or XML instead of JSON": "1",
        "failed: 일치하는 판례가 없습니다. 판례명을 확인하여 주십시오.": "1",
    }
    assert "thesamecommandtriesitagain" in "".join(result.output.split())  # a long path wraps the line
    assert not holds_key(result.output)


def test_debug_tracebacks_hold_no_key(tmp_path: Path) -> None:
    """HAECHI_DEBUG=1 shows the whole traceback of an error."""
    with running(precedents(1)) as service:
        service.always["page 1"] = REFUSED
        with started(service, tmp_path, HAECHI_DEBUG="1") as run:
            said, _ = run.communicate(timeout=20)

    assert "Traceback" in said
    assert "the law service refuses" in said
    assert not holds_key(said)
