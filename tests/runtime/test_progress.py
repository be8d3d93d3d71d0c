"""What a person sees: bars on a terminal, nothing of them in a log, and tables that lose no cell."""

import io
import re
import subprocess
import sys
from collections.abc import Iterator

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pipeline.checkout import ROOT, python

from haechi.runtime.progress import LISTED, say, say_few, show_counts, show_summary, show_table, track

WIDTH = 120


def run(program: str) -> subprocess.CompletedProcess[str]:
    return python("-c", f"from haechi.runtime.progress import *\n{program}", PYTHONPATH=str(ROOT / "src"), COLUMNS="40")


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def test_a_few_lines_stand_for_many(capsys: pytest.CaptureFixture[str]) -> None:
    """Five are shown, and how many there are beyond them; five need no such line."""
    say_few([f"line {number}" for number in range(5)], " in a file")
    assert capsys.readouterr().out.splitlines() == [f"line {number}" for number in range(5)]
    say_few([f"line {number}" for number in range(7)], " in a file")
    assert capsys.readouterr().out.splitlines()[4:] == ["line 4", "... and 2 more in a file"]


@given(items=st.lists(st.integers()))
def test_tracking_changes_nothing(items: list[int]) -> None:
    assert list(track(iter(items), "title")) == items


def test_a_bar_is_silent_where_stderr_is_no_terminal() -> None:
    """In a log, thousands of redrawn bars would bury the one line that matters."""
    done = run("assert sum(track(range(1000), 'counting')) == 499500")
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


def test_a_bar_shows_on_a_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    """On stderr, with its title and how many of how many; standard output stays clean."""
    screen = Terminal()
    monkeypatch.setattr(sys, "stderr", screen)
    monkeypatch.setenv("TERM", "xterm")
    assert list(track(range(3), "counting")) == [0, 1, 2]
    assert "counting" in screen.getvalue()
    assert "3/3" in screen.getvalue()


def test_tracking_is_lazy() -> None:
    """A bar must not pull a stream into memory."""

    def endless() -> Iterator[int]:
        while True:
            yield 1

    assert next(track(endless(), "title")) == 1


def test_a_table_in_a_pipe_has_120_columns_whatever_the_terminal() -> None:
    done = run("show_table('t', ('system', *'abcdefg'), [('tuned model', *['0.7123 [0.70-0.72]'] * 5, 1, None)])")
    assert done.stderr == ""
    assert max(map(len, done.stdout.splitlines())) <= WIDTH
    assert "…" not in done.stdout
    assert done.stdout.replace("\n", " ").count("0.7123") == 5
    assert "None" in done.stdout


def test_the_names_of_counts_are_not_broken_where_a_value_is_long(capsys: pytest.CaptureFixture[str]) -> None:
    name = "candidates.base to step-000022 at 0.75.against_single.value"
    show_counts("select", {name: 1, "why": "a sentence that says why " * 9})
    assert name in capsys.readouterr().out


CELLS = st.text(st.characters(categories=("L", "N", "P", "S")), min_size=1, max_size=25)


@settings(max_examples=100, deadline=None)
@given(rows=st.lists(st.tuples(CELLS, CELLS, CELLS), min_size=1, max_size=4))
def test_a_table_prints_every_cell_as_it_is(rows: list[tuple[str, str, str]]) -> None:
    """Law is full of brackets and colons: none of them is a style, a link or a smiley."""
    with pytest.MonkeyPatch.context() as patch:
        pipe = io.StringIO()
        patch.setattr(sys, "stdout", pipe)
        show_table("[title] :+1:", ("[a]", "[/b]", ":100:"), rows)
    printed = pipe.getvalue()
    for cell in ("[title] :+1:", "[a]", "[/b]", ":100:", *(cell for row in rows for cell in row)):
        assert cell in printed


def test_a_cell_too_long_for_a_line_goes_on_in_the_next(capsys: pytest.CaptureFixture[str]) -> None:
    """The path of a model on a shared disk is cut nowhere."""
    path = "/".join(f"folder{n:03}" for n in range(20))
    show_counts("base", {"base": path})
    printed = capsys.readouterr().out
    assert max(map(len, printed.splitlines())) <= WIDTH
    assert path in re.sub(r"[\s│]", "", printed)


@pytest.mark.parametrize("text", ["data/[red]/a.json", "[/형법]", "id :100: found", "[1] 민법 제750조", "https://example.org/x"])
def test_a_line_is_printed_as_it_is(text: str, capsys: pytest.CaptureFixture[str]) -> None:
    say(text)
    assert capsys.readouterr().out == f"{text}\n"


def test_counts_inside_counts_are_named_by_their_path(capsys: pytest.CaptureFixture[str]) -> None:
    show_counts("stage", {"read": 7, "dropped": {"law": {"deleted": 2}, "empty": 0}})
    words = capsys.readouterr().out.split()
    assert [name for name in words if "." in name] == ["dropped.law.deleted", "dropped.empty"]
    assert {"7", "2", "0"} <= set(words)


def test_a_stage_ends_with_what_came_in_what_went_out_and_what_was_dropped(capsys: pytest.CaptureFixture[str]) -> None:
    """The commonest reason first, nothing that didn't happen, and where the rest stands."""
    show_summary("cut", "1,000 records", "990 passages", {"blank_text": 1, "too_long": 9, "moved": 0}, "See [quarantine].")
    assert capsys.readouterr().out.splitlines() == [
        "cut",
        "  in:      1,000 records",
        "  out:     990 passages",
        "  dropped: 10 (too long 9, blank text 1)",
        "  See [quarantine].",
        "  all figures: haechi stage cut",
    ]


@given(dropped=st.dictionaries(st.text("abcdef_", min_size=1, max_size=20), st.integers(0, 10**6), max_size=60))
def test_however_many_reasons_there_are_they_take_one_line(dropped: dict[str, int]) -> None:
    with pytest.MonkeyPatch.context() as patch:
        pipe = io.StringIO()
        patch.setattr(sys, "stdout", pipe)
        show_summary("cut", "records", "passages", dropped)
    lines = pipe.getvalue().splitlines()
    told = [line for line in lines if line.startswith("  dropped: ")]
    assert len(lines) == 4 + bool(told)
    assert bool(told) == any(dropped.values())
    for line in told:
        assert re.match(rf"  dropped: {sum(dropped.values()):,} \([a-f ]* {max(dropped.values()):,}[,)]", line)
        more = sum(map(bool, dropped.values())) - LISTED
        assert line.endswith(f", {more} more)") == (more > 0)


@pytest.mark.parametrize("count", [0, 1, 5, 6, 4000])
def test_of_many_warnings_the_first_are_said_and_the_rest_is_counted(count: int, capsys: pytest.CaptureFixture[str]) -> None:
    lines = [f"query {n} names [/형법]" for n in range(count)]
    say_few(lines, ": haechi stage make_pairs")
    more = [f"... and {count - 5} more: haechi stage make_pairs"] if count > 5 else []
    assert capsys.readouterr().out.splitlines() == [*lines[:5], *more]
