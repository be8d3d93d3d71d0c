"""The page of a sweep and the pictures of a search for the rate: they open offline, speak two languages, and survive odd values."""

import re
from dataclasses import replace
from pathlib import Path
from xml.etree import ElementTree

import pytest
from browser import Opener
from hypothesis import given
from hypothesis import strategies as st
from sweeps import fake

from haechi.sweeps.engine.config import Axis
from haechi.sweeps.engine.trial import Proposal, Trial
from haechi.sweeps.learning_rate import result_files
from haechi.sweeps.learning_rate.search import Search
from haechi.sweeps.learning_rate.verdict import judge
from haechi.sweeps.results.leaderboard import leaderboard
from haechi.sweeps.results.page import BEYOND, KOREAN, height, page

SPACE = {
    "train.lr": Axis(low=1e-5, high=1e-2, log=True),
    "train.weight_decay": Axis(low=0.01, high=0.5, log=True),
    "train.batch_size": Axis(choices=(64, 128)),
    "lora.alpha": Axis(choices=(8, 16), when={"lora.rank": (8,)}),
}
PLAN = replace(fake.sweep(), parameters=SPACE)
PRESENT = {"train.lr": 3e-3, "train.weight_decay": 0.0, "train.batch_size": 32}  # a rate by logarithm can't be 0
TRIALS = [
    Trial(0, Proposal(PRESENT, 7, facts={"current": True}), "complete", 0.6, {}, {}),
    Trial(
        1,
        Proposal({"train.lr": 1e-4, "train.weight_decay": 0.1, "train.batch_size": 64, "lora.alpha": 16}, 7),
        "complete",
        0.5,
        {},
        {},
    ),
    Trial(2, Proposal({"train.lr": 1e-4, "train.weight_decay": 0.1, "train.batch_size": 128}, 7), "pruned", 0.2, {1: 0.2}, {}),
    Trial(3, Proposal(PRESENT, 8, "repeat", {"of": 0}), "complete", 0.61, {}, {}),
    Trial(4, Proposal(PRESENT, 7), "failed", None, {}, {"error": "train: <no number> & more"}),
]


@pytest.fixture(scope="module")
def made() -> str:
    return page(PLAN, TRIALS, leaderboard(TRIALS, "maximize"), {"train.lr": 0.7, "train.weight_decay": 0.3})


def test_the_page_needs_nothing_from_elsewhere(made: str) -> None:
    assert not re.findall(r"(?:src|href)=\"(?!#)[^\"]*\"|url\((?!#)[^)]*\)|<script ", made)
    assert made.count("<svg") == 4


def test_the_page_says_everything_in_both_languages(made: str) -> None:
    for text in set(KOREAN) - {"running", "failed"}:
        assert f'<span class="en">{text}' in made or f'<tspan class="en">{text}' in made, text
    assert '<span class="en">1 failed</span><span class="ko" lang="ko">실패 1건</span>' in made
    assert made.count('class="en"') == made.count('class="ko"')
    found = leaderboard(TRIALS, "maximize").said
    assert found.en == leaderboard(TRIALS, "maximize").verdict
    assert found.ko in made


@pytest.fixture
def address(made: str, tmp_path: Path) -> str:
    file = tmp_path / "sweep.html"
    file.write_text(made, encoding="utf-8")
    return file.as_uri()


@pytest.mark.parametrize(("locale", "language"), [("ko-KR", "ko"), ("en-US", "en"), ("de-DE", "en")])
def test_it_opens_in_the_browsers_language(open_page: Opener, address: str, locale: str, language: str) -> None:
    window = open_page(address, locale=locale)

    assert window.page.get_attribute("html", "lang") == language
    assert window.page.inner_text("h2 >> nth=0") == {"ko": "순위표", "en": "Leaderboard"}[language]
    assert window.page.title() == {"ko": "스윕 fake", "en": "Sweep fake"}[language]
    window.assert_sound()


def test_a_chosen_language_is_remembered_under_the_name_that_all_pages_share(open_page: Opener, address: str) -> None:
    window = open_page(address, locale="en-US")
    window.page.click("#language")
    assert window.page.get_attribute("html", "lang") == "ko"
    window.page.reload()

    assert window.page.get_attribute("html", "lang") == "ko"
    assert window.page.evaluate("localStorage.getItem('haechi-language')") == "ko"
    window.assert_sound()


def test_in_korean_no_english_is_left_but_names_and_what_programs_said(open_page: Opener, address: str) -> None:
    window = open_page(address, locale="ko-KR")
    left = window.page.inner_text("body")
    for code in sorted(window.page.locator("code, th small").all_inner_texts(), key=len, reverse=True):
        left = left.replace(code, "")

    assert re.findall(r"[A-Za-z]{2,} [A-Za-z]{2,}", left) == []


def test_a_script_that_is_not_the_pages_own_is_refused_by_the_browser(open_page: Opener, address: str) -> None:
    window = open_page(address)
    window.page.evaluate(
        "document.body.append(Object.assign(document.createElement('script'), {textContent: 'document.title=1'}))"
    )

    assert window.page.title() == "Sweep fake"
    assert any("Content Security Policy" in error for error in window.errors)


def test_what_a_trial_says_of_its_failure_is_text(made: str) -> None:
    assert "&lt;no number&gt; &amp; more" in made


def test_present_values_outside_the_ranges_are_drawn_at_their_ends() -> None:
    assert height(SPACE["train.weight_decay"], 0.0) == BEYOND[0]
    assert height(SPACE["train.weight_decay"], 0.9) == BEYOND[1]
    assert height(SPACE["train.batch_size"], 32) == BEYOND[1]
    assert height(SPACE["lora.alpha"], None) is None


@given(st.floats(1e-5, 1e-2), st.floats(1e-5, 1e-2))
def test_heights_within_the_range_keep_its_order(one: float, other: float) -> None:
    heights = [height(SPACE["train.lr"], value) for value in sorted((one, other))]
    assert heights[0] is not None
    assert heights[1] is not None
    assert -1e-9 <= heights[0] <= heights[1] <= 1 + 1e-9


@pytest.mark.slow
def test_ticks_by_logarithm_are_numbers_not_formulas(made: str, tmp_path: Path) -> None:
    scores = {rate: {seed: 0.5 + rate * 10 + seed * 0.01 for seed in (7, 8)} for rate in (1e-4, 1e-3, 1e-2)}
    trials = [
        Trial(i, Proposal({"train.lr": rate}, seed, "rate", {"stage": 1}), "complete", value, {}, {})
        for i, (rate, seed, value) in enumerate((r, s, v) for r, by_seed in scores.items() for s, v in by_seed.items())
    ]
    found = result_files.result(judge(scores), Search(), trials, {}, 1000)
    for folder in ("one", "two"):
        result_files.write(tmp_path / folder, found, {}, trials, Search())
    drawn = (tmp_path / "one" / "lr_sweep.svg").read_text(encoding="utf-8")
    for text in (made, drawn):
        assert "mathdefault" not in text
        assert re.search(r">0\.001<", text)
    ElementTree.fromstring(drawn)  # noqa: S314  (our own file)
    for name in ("lr_sweep.svg", "lr_sweep.png", "stage_1.png"):
        assert (tmp_path / "one" / name).read_bytes() == (tmp_path / "two" / name).read_bytes()
