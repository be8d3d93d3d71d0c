"""Numbers in environment variables: right ones are read, anything else is one sentence that names the variable alone."""

import re
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from haechi.runtime import environment
from haechi.runtime.environment import count, number, workers
from haechi.runtime.errors import UsageError
from haechi.text import morphemes
from haechi.text.morphemes import kiwi

SRC = Path(__file__).parents[2] / "src" / "haechi"


@given(st.integers(0, 10**12), st.sampled_from(("", " ", "\n")))
def test_whole_numbers_are_read_as_they_are(value: int, around: str) -> None:
    told = {"N": f"{around}{value}{around}"}

    assert count("N", 5, environ=told) == value
    assert number("N", 5, environ=told) == value
    assert number("N", 5, environ={"N": f"{value}.25"}) == value + 0.25


@given(st.text(max_size=12))
def test_whatever_is_no_number_is_refused_by_name_and_never_shown(text: str) -> None:
    """A key that was put into the wrong variable stays out of logs."""
    told = {"N": text}
    for read, form in ((count, r"[0-9]{1,15}"), (number, r"[0-9]{1,15}(\.[0-9]{1,9})?")):
        if not text.strip():
            assert read("N", 5, environ=told) == 5
        elif re.fullmatch(form, text.strip()):
            assert read("N", 5, environ=told) == float(text)
        else:
            with pytest.raises(UsageError) as caught:
                read("N", 5, environ=told)
            assert str(caught.value) == str(caught.value).replace(text, "") or len(text.strip()) < 3
            assert str(caught.value).startswith("N should be a")


@pytest.mark.parametrize(("value", "fits"), [("0", False), ("1", True), ("8", True), ("9", False), ("1.5", False)])
def test_the_bounds_belong_to_what_is_allowed(value: str, fits: bool) -> None:
    if fits:
        assert count("N", 1, least=1, most=8, environ={"N": value}) == int(value)
        return
    with pytest.raises(UsageError, match=r"N should be a whole number, from 1 to 8, or `auto`; `echo \$N`"):
        count("N", 1, least=1, most=8, environ={"N": value}, word="auto")


def test_without_a_value_every_core_works(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("HAECHI_WORKERS", raising=False)
    monkeypatch.setattr(environment.os, "cpu_count", lambda: 7)
    assert workers() == 7
    monkeypatch.setenv("HAECHI_WORKERS", "3")
    assert workers() == 3


def test_a_number_of_workers_that_is_none_stops_the_analyser_in_one_sentence(monkeypatch: pytest.MonkeyPatch) -> None:
    morphemes._kiwi.cache_clear()
    monkeypatch.setenv("HAECHI_WORKERS", "many")
    with pytest.raises(UsageError, match="HAECHI_WORKERS should be a whole number, 1 or more"):
        kiwi()


def test_no_module_turns_a_variable_into_a_number_by_itself() -> None:
    """`int(os.environ[...])` ends in a traceback where the value is none."""
    own = re.compile(r"\b(int|float)\(\s*(os\.)?environ")
    found = [path.name for path in SRC.rglob("*.py") if own.search(path.read_text(encoding="utf-8"))]

    assert own.search('int(os.environ.get("A", 1))')
    assert found == []
