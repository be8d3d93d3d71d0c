"""The report as a person has it: at a desk and on a phone, light and dark, in Korean and in English."""

from pathlib import Path
from typing import Any

import pytest
from browser import DESKTOP, PHONE, Opener
from report.made import ATTACK, page_of, project

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def report(tmp_path_factory: pytest.TempPathFactory) -> str:
    root = project(tmp_path_factory.mktemp("run"), attack=ATTACK)
    file = root / "report.html"
    file.write_text(page_of(root).page, encoding="utf-8")
    return file.as_uri()


def unfold(page: Any) -> None:
    page.evaluate("document.querySelectorAll('details').forEach((one) => { one.open = true })")


@pytest.mark.parametrize("size", [DESKTOP, PHONE])
@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("locale", ["en-US", "ko-KR"])
def test_it_is_sound_in_every_dress(open_page: Opener, report: str, size: tuple[int, int], scheme: Any, locale: str) -> None:
    window = open_page(report, size, scheme, locale)
    unfold(window.page)

    window.assert_sound()
    assert window.page.evaluate("window.hacked") is None
    assert window.page.locator("h1").inner_text() == (
        "예, 학습한 모델이 더 낫습니다." if locale == "ko-KR" else "Yes. The tuned model is better."
    )
    assert (window.page.evaluate("getComputedStyle(document.body).backgroundColor") == "rgb(255, 255, 255)") is (
        scheme == "light"
    )
    assert window.page.locator("figure svg").count() == 12


def test_a_script_in_a_document_is_text(open_page: Opener, report: str) -> None:
    page = open_page(report).page
    unfold(page)

    assert page.evaluate("window.hacked") is None
    assert page.locator("img").count() == 0
    assert "<script>window.hacked = 1</script>" in page.locator(".passage").first.inner_text()


def test_what_would_run_is_stopped_by_the_policy_too(open_page: Opener, report: str) -> None:
    page = open_page(report).page
    page.evaluate("document.body.insertAdjacentHTML('beforeend', '<img src=x onerror=\"window.hacked = 3\">')")
    page.evaluate("const s = document.createElement('script'); s.textContent = 'window.hacked = 4'; document.body.append(s)")

    assert page.evaluate("window.hacked") is None


def test_language_and_light_switch_and_the_choice_is_kept(open_page: Opener, report: str) -> None:
    page = open_page(report).page
    page.click("#language")
    page.click("#theme")

    for _ in range(2):
        assert page.locator("h1").inner_text() == "예, 학습한 모델이 더 낫습니다."
        assert page.evaluate("document.documentElement.lang") == "ko"
        assert "학습한 모델" in page.locator("#figure-systems svg").text_content()
        assert not page.locator("#figure-systems svg tspan.en").first.is_visible()
        assert page.evaluate("getComputedStyle(document.body).backgroundColor") != "rgb(255, 255, 255)"
        assert page.evaluate("getComputedStyle(document.querySelector('#figure-systems svg text')).fill") == "rgb(230, 232, 234)"
        page.reload()


def test_the_language_is_the_browsers_and_a_choice_is_kept_under_the_key_of_all_pages(open_page: Opener, report: str) -> None:
    for locale, language in (("ko-KR", "ko"), ("ko", "ko"), ("en-GB", "en"), ("fr-FR", "en")):
        page = open_page(report, locale=locale).page
        assert page.evaluate("document.documentElement.lang") == language
        assert page.evaluate("localStorage.getItem('haechi-language')") is None

        page.click("#language")
        assert page.evaluate("localStorage.getItem('haechi-language')") == ("en" if language == "ko" else "ko")

    page.evaluate("localStorage.setItem('haechi-language', 'ko')")
    page.reload()
    assert page.title() == "haechi: 학습한 모델이 더 나은가?"


ENGLISH = """() => {
  const walker = document.createTreeWalker(document.querySelector("main"), NodeFilter.SHOW_TEXT), found = [];
  while (walker.nextNode()) {
    const text = walker.currentNode.textContent.trim(), around = walker.currentNode.parentElement;
    const hidden = around.closest(".en, pre, code, script, style, noscript");
    if (!hidden && /[A-Za-z]{2,} +[A-Za-z]{2,}/.test(text) && !/[가-힣]/.test(text)) found.push(text);
  }
  return found;
}"""


def test_a_korean_page_holds_no_english_sentence(open_page: Opener, tmp_path: Path) -> None:
    root = project(tmp_path)
    (root / "report.html").write_text(page_of(root).page, encoding="utf-8")
    page = open_page((root / "report.html").as_uri(), locale="ko-KR").page
    unfold(page)

    assert page.evaluate(ENGLISH) == []
    assert page.locator(".level-good, td").first.is_visible()
    page.evaluate("document.querySelector('h1').append(document.createTextNode('a forgotten sentence'))")
    assert page.evaluate(ENGLISH) == ["a forgotten sentence"]


def test_tables_sort_both_ways(open_page: Opener, report: str) -> None:
    page = open_page(report).page
    unfold(page)
    head = page.locator("#queries thead th").last
    cells = "[...document.querySelectorAll('#queries tbody tr')].map((row) => Number(row.lastElementChild.dataset.value))"
    for direction in ("descending", "ascending"):
        head.locator("button").click()
        gains = page.evaluate(cells)

        assert head.get_attribute("aria-sort") == direction
        assert gains == sorted(gains, reverse=direction == "descending")
        assert len(gains) == 60


def test_tables_filter_and_say_so_when_nothing_fits(open_page: Opener, report: str) -> None:
    page = open_page(report).page
    unfold(page)
    shown = page.locator("#queries tbody tr:visible")
    assert shown.count() == 20
    page.locator("#all .more").click()
    assert shown.count() == 60

    page.fill("#all input", "책임 17")
    assert shown.count() == 1
    page.fill("#all input", "없는말")
    assert shown.count() == 0
    assert page.locator("#all [role=status]").is_visible()
    page.fill("#all input", "")
    page.select_option("#all select", "lost")
    assert all(float(value) < 0 for value in page.locator("#queries tbody tr:visible td:last-child").all_inner_texts())


def test_sections_fold_and_a_link_opens_one(open_page: Opener, report: str) -> None:
    page = open_page(report).page
    assert page.locator("#results table").first.is_visible()
    page.click("#results > summary")
    assert not page.locator("#results table").first.is_visible()

    page.evaluate("document.getElementById('checks').open = false; location.hash = '#checks'")
    page.wait_for_selector("#checks[open]")


def test_paper_shows_everything(open_page: Opener, report: str) -> None:
    page = open_page(report).page
    page.emulate_media(media="print")
    page.evaluate("dispatchEvent(new Event('beforeprint'))")

    assert page.locator("details:not([open])").count() == 0
    assert not page.locator("header").is_visible()
    assert page.pdf()[:4] == b"%PDF"


def test_examples_show_the_cited_article_and_the_shared_words(open_page: Opener, report: str) -> None:
    page = open_page(report).page
    unfold(page)
    won = page.locator("#examples-won .example").first

    assert won.locator(".sides > div").count() == 3
    assert won.locator(".passage.gold").count() >= 2
    marks = won.locator("summary mark").all_inner_texts()
    assert len(marks) == 1
    assert marks[0] in won.locator(".passage.gold").first.inner_text()
