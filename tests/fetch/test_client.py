"""Waiting: how long, and at whose word."""

from datetime import UTC, datetime
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from haechi.fetch.client import URL, Service, Trouble, read_answer, service_from
from haechi.llm.rate_limit import backoff, retry_after
from haechi.runtime.errors import UsageError

NOW = datetime(2025, 1, 1, 12, 0, 0, tzinfo=UTC)


@given(st.integers(0, 500), st.integers())
def test_waits_double_up_to_a_minute_with_jitter_below(attempt: int, seed: int) -> None:
    whole = min(60.0, 2.0**attempt)

    assert whole / 2 <= backoff(attempt, Random(seed)) <= whole  # noqa: S311  # jitter


def test_waits_differ_between_clients() -> None:
    assert len({backoff(3, Random(seed)) for seed in range(20)}) == 20  # noqa: S311  # jitter


@pytest.mark.parametrize(
    ("header", "seconds"),
    [
        ("7", 7.0),
        (" 0 ", 0.0),
        ("Wed, 01 Jan 2025 12:00:30 GMT", 30.0),
        ("Wed, 01 Jan 2025 11:00:00 GMT", 0.0),
        ("soon", 0.0),
        ("-5", 0.0),
        ("", 0.0),
        (None, 0.0),
    ],
)
def test_retry_after_is_a_number_or_a_date(header: str | None, seconds: float) -> None:
    assert retry_after(header, NOW) == seconds


@pytest.mark.parametrize(
    ("status", "body", "answer"),
    [
        (200, b'\xef\xbb\xbf {"a": 1}\n', {"a": 1}),
        (200, b"\n <html>", Trouble("HTML or XML instead of JSON", again=False, silent=False)),
        (200, b'{"a": ', Trouble("broken JSON", again=True, silent=False)),
        (200, b"", Trouble("broken JSON", again=True, silent=False)),
        (429, b"{}", Trouble("http 429", again=True, silent=True, wait=3.0)),
        (502, b"{}", Trouble("http 502", again=True, silent=True, wait=3.0)),
        (404, b"{}", Trouble("http 404", again=False, silent=True, wait=3.0)),
        (301, b"{}", Trouble("http 301", again=False, silent=True, wait=3.0)),
    ],
)
def test_an_answer_is_json_or_a_named_trouble(status: int, body: bytes, answer: object) -> None:
    assert read_answer(status, "3", body, NOW) == answer


def test_the_environment_names_service_and_key() -> None:
    assert service_from({"HAECHI_LAW_OC": " k "}) == Service(URL, "k")
    assert service_from({"HAECHI_LAW_OC": "k", "HAECHI_LAW_URL": "https://x/DRF/"}).url == "https://x/DRF"
    assert "secret" not in repr(Service("http://x", "secret"))


@pytest.mark.parametrize("environ", [{}, {"HAECHI_LAW_OC": " "}, {"HAECHI_LAW_OC": "k", "HAECHI_LAW_URL": "www.law.go.kr"}])
def test_a_missing_key_or_a_bad_address_is_one_sentence(environ: dict[str, str]) -> None:
    with pytest.raises(UsageError, match=r"^HAECHI_LAW_(OC|URL) "):
        service_from(environ)
