"""Rates, budgets and settings: laws that hold for any sequence of calls."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pipeline.checkout import ROOT, SRC

from haechi.llm.budget import Budget, about
from haechi.llm.endpoint import endpoint_from, limits_from
from haechi.llm.rate_limit import Pace
from haechi.llm.types import Usage
from haechi.runtime.errors import UsageError

GAPS = st.lists(st.tuples(st.floats(0, 20), st.integers(1, 4000)), min_size=1, max_size=60)


@given(GAPS, st.integers(1, 300), st.integers(1000, 50_000))
def test_no_minute_holds_more_than_allowed(calls: list[tuple[float, int]], requests: int, tokens: int) -> None:
    pace, now, starts = Pace(requests, tokens), 0.0, []
    for gap, used in calls:
        now += gap
        start = pace.start(now, used)
        assert start >= now
        starts.append((start, used))
    for first, _ in starts:
        within = [used for start, used in starts if first <= start < first + 60 - 1e-6]
        assert len(within) <= requests
        assert sum(within[:-1]) <= tokens


@given(GAPS)
def test_without_limits_nothing_waits(calls: list[tuple[float, int]]) -> None:
    pace, now = Pace(0, 0), 0.0
    for gap, used in calls:
        now += gap
        assert pace.start(now, used) == now


@given(GAPS, st.integers(1, 300))
def test_no_call_waits_longer_than_it_must(calls: list[tuple[float, int]], requests: int) -> None:
    """Starts are the earliest that keep the distance: an independent reckoning."""
    pace, free, now = Pace(requests, 0), 0.0, 0.0
    for gap, used in calls:
        now += gap
        start = pace.start(now, used)
        assert start == max(now, free)
        free = start + 60 / requests


def test_what_was_used_is_what_counts() -> None:
    pace = Pace(0, 60)
    assert pace.start(0.0, 30) == 0.0
    pace.correct(-20)
    assert pace.start(0.0, 5) == pytest.approx(10.0)


def test_a_pause_holds_everyone() -> None:
    pace = Pace(0, 0)
    pace.hold(5.0)
    pace.hold(3.0)
    assert (pace.start(0.0, 1), pace.held(2.0), pace.held(6.0)) == (5.0, 3.0, 0.0)


USES = st.lists(st.tuples(st.integers(1, 500), st.integers(1, 300), st.floats(0, 1), st.booleans()), max_size=80)


@given(USES, st.integers(1, 40), st.integers(100, 8000), st.floats(0.0001, 0.02))
def test_a_budget_is_never_overdrawn_by_what_stays_within_its_announcement(
    uses: list[tuple[int, int, float, bool]], requests: int, tokens: int, money: float
) -> None:
    names = {"MAX_REQUESTS": requests, "MAX_TOKENS": tokens, "MAX_COST": f"{money:.9f}", "PRICE_IN": 1, "PRICE_OUT": 2}
    limits = limits_from({f"HAECHI_LLM_{name}": str(value) for name, value in names.items()})
    budget, waiting, cost = Budget(limits), [], 0.0
    for tokens_in, tokens_out, share, answered in uses:
        most = Usage(tokens_in, tokens_out)
        if not budget.lacks(most):
            budget.take(most)
            waiting.append((most, Usage(tokens_in, int(tokens_out * share)) if answered else None))
        elif waiting:
            cost += budget.settle(*waiting.pop(0))
    for one in waiting:
        cost += budget.settle(*one)
    spent = budget.spent
    assert spent.requests <= limits.max_requests
    assert spent.tokens_in + spent.tokens_out <= limits.max_tokens
    assert spent.cost <= limits.max_cost + 1e-12
    assert spent.cost == cost == pytest.approx((spent.tokens_in * 1 + spent.tokens_out * 2) / 1e6)
    assert budget.in_flight == 0


def test_each_limit_is_named_by_its_variable() -> None:
    prices = {"HAECHI_LLM_PRICE_IN": "1"}
    for name, value in (("HAECHI_LLM_MAX_REQUESTS", "0"), ("HAECHI_LLM_MAX_TOKENS", "9"), ("HAECHI_LLM_MAX_COST", "0.000001")):
        budget = Budget(limits_from({**prices, name: value}))
        assert budget.lacks(Usage(10, 10)) == ("" if value == "0" else name)


@given(st.text(max_size=200))
def test_tokens_are_estimated_between_a_third_and_one_a_character(text: str) -> None:
    assert len(text) / 3 <= about(text) <= max(len(text), 1) + 1
    assert about("가" * 7) == 7


@pytest.mark.parametrize(
    ("variables", "told"),
    [
        ({}, "HAECHI_LLM_URL is not set"),
        ({"URL": "api.example.com/v1"}, "HAECHI_LLM_URL should be an address"),
        ({"URL": "ftp://example.com"}, "HAECHI_LLM_URL should be an address"),
        ({"URL": "http:///v1"}, "HAECHI_LLM_URL should be an address"),
        ({"URL": "http://[half"}, "HAECHI_LLM_URL should be an address"),
        ({"URL": "http://h:99999"}, "HAECHI_LLM_URL should be an address"),
        ({"URL": "http://h/v1"}, "HAECHI_LLM_KEY is not set"),
        ({"URL": "http://h/v1", "KEY": "short"}, "HAECHI_LLM_KEY holds no key"),
        ({"URL": "http://h/v1", "KEY": "열쇠열쇠열쇠열쇠"}, "HAECHI_LLM_KEY holds no key"),
        ({"URL": "http://h/v1", "KEY": "two words-here"}, "HAECHI_LLM_KEY holds no key"),
        ({"URL": "http://h/v1", "KEY": "line\nbreak-here"}, "HAECHI_LLM_KEY holds no key"),
    ],
)
def test_what_is_wrong_with_the_endpoint_is_said_without_repeating_it(variables: dict[str, str], told: str) -> None:
    with pytest.raises(UsageError, match=told) as caught:
        endpoint_from({f"HAECHI_LLM_{name}": value for name, value in variables.items()})
    assert not [value for value in variables.values() if value in str(caught.value)]


@pytest.mark.parametrize(
    "name",
    [
        "CONCURRENCY",
        "TIMEOUT",
        "TRIES",
        "BACKOFF",
        "RPM",
        "TPM",
        "MAX_REQUESTS",
        "MAX_TOKENS",
        "MAX_COST",
        "PRICE_IN",
        "PRICE_OUT",
    ],
)
@pytest.mark.parametrize("value", ["-1", "many", "1e3", "nan", "inf", "1_000", "٣"])
def test_a_number_that_is_none_is_refused_by_name(name: str, value: str) -> None:
    with pytest.raises(UsageError, match=f"HAECHI_LLM_{name} should be a"):
        limits_from({f"HAECHI_LLM_{name}": value})


@pytest.mark.parametrize("name", ["CONCURRENCY", "TIMEOUT", "TRIES"])
def test_nothing_at_all_is_too_little(name: str) -> None:
    with pytest.raises(UsageError, match=f"HAECHI_LLM_{name} should be a"):
        limits_from({f"HAECHI_LLM_{name}": "0"})


def test_every_variable_is_documented_and_every_documented_one_is_read() -> None:
    code = "".join(file.read_text(encoding="utf-8") for file in (SRC / "llm").glob("*.py"))
    told = (ROOT / "docs" / "llm.md").read_text(encoding="utf-8")
    names = re.compile(r"\bHAECHI_LLM_[A-Z_]+[A-Z]\b")

    assert set(names.findall(code)) == set(names.findall(told))
    assert len(set(names.findall(code))) == 13


def test_a_representation_shows_neither_address_nor_key() -> None:
    endpoint = endpoint_from({"HAECHI_LLM_URL": "https://user:pass-word@h.example:8443/v1/", "HAECHI_LLM_KEY": "sk-0123456789"})
    assert repr(endpoint) == "Endpoint()"
    assert endpoint.url.endswith("/v1")
    assert (
        endpoint.hide("sk-0123456789 at https://user:pass-word@h.example:8443/v1/chat, h.example:8443, pass-word")
        == "*** at ***/chat, ***, ***"
    )


@given(st.text(max_size=50))
def test_hiding_leaves_other_texts_alone(text: str) -> None:
    endpoint = endpoint_from({"HAECHI_LLM_URL": "https://h.example/v1", "HAECHI_LLM_KEY": "none"})
    assert endpoint.hide(text) == text
