"""The search page in a browser: type, read, filter; wide and narrow, light and dark, in both languages; and no script of a document runs."""

from collections.abc import Iterator
from dataclasses import replace
from urllib.parse import quote

import pytest
from browser import DESKTOP, PHONE, Opener, Window
from serving.village import QUESTIONS, SCRIPT, opened, served

from haechi.serving.engine import LONGEST
from haechi.serving.limits import DEFAULT

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    folder = tmp_path_factory.mktemp("village")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("DVC_ROOT", str(folder))
        engine = opened(folder)
    with served(engine, replace(DEFAULT, per_second=1e6, burst=10**6)) as url:
        yield url


@pytest.fixture
def window(open_page: Opener, url: str) -> Window:
    return open_page(url, locale="ko-KR", allow=(url,))


def ask(window: Window, query: str) -> None:
    window.page.fill("#query", query)
    with window.page.expect_response("**/api/search"):
        window.page.click("#go")
    window.page.wait_for_selector("main[aria-busy=false]")


def names(window: Window, system: str) -> list[str]:
    found: list[str] = window.page.locator(f"section[data-system={system}] h3").all_inner_texts()
    return found


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("size", [DESKTOP, PHONE, (320, 700)])
@pytest.mark.parametrize("language", ["ko", "en"])
def test_it_reads_well_everywhere(open_page: Opener, url: str, scheme: str, size: tuple[int, int], language: str) -> None:
    """Nothing to scroll sideways, no error, nothing asked of another host; text and ground differ."""
    window = open_page(url, size=size, scheme=scheme, locale="ko-KR", allow=(url,))
    window.page.wait_for_selector("#type option:nth-child(2)", state="attached")
    window.assert_sound()
    if language == "en":
        window.page.click("#language")
    assert window.page.get_attribute("html", "lang") == language
    ask(window, QUESTIONS[0])
    window.assert_sound()
    seen = [section.is_visible() for section in window.page.locator("section.list").all()]
    assert seen == ([True] * 3 if size == DESKTOP else [True, False, False])
    colours = window.page.evaluate("[getComputedStyle(document.body).color, getComputedStyle(document.body).backgroundColor]")
    ink, ground = (sum(int(part) for part in colour.strip("rgb()").split(",")) for colour in colours)
    assert (ink < ground) == (scheme == "light")
    assert abs(ink - ground) > 450


def test_three_lists_with_names_scores_and_marked_words(window: Window) -> None:
    ask(window, "우물의 이용")
    for system in ("tuned", "bm25", "hybrid"):
        assert "마을법 제4조(우물의 이용)" in names(window, system) or "시장법 제4조(우물의 이용)" in names(window, system)
    assert "우물" in window.page.locator("mark").all_inner_texts()
    assert all(float(score) == float(score) for score in window.page.locator(".score").all_inner_texts())
    hybrid = window.page.inner_text("section[data-system=hybrid]")
    assert "BM25 + 학습한 모델 결합" in hybrid
    assert "학습한 모델 +" in hybrid, "a hit says what carried it"


def test_enter_searches_and_the_address_keeps_the_search(window: Window, url: str) -> None:
    window.page.fill("#query", "다리 수선")
    with window.page.expect_response("**/api/search"):
        window.page.press("#query", "Enter")
    window.page.wait_for_selector(".hit")
    first = names(window, "hybrid")
    assert f"q={quote('다리')}" in window.page.url

    window.page.reload()
    window.page.wait_for_selector(".hit")
    assert window.page.input_value("#query") == "다리 수선"
    assert names(window, "hybrid") == first


def test_filters_by_law_and_by_type(window: Window) -> None:
    ask(window, "마을 회의")
    with window.page.expect_response("**/api/search"):
        window.page.select_option("#law", "시장법")
    window.page.wait_for_selector("h3:not(:has-text('시장법'))", state="detached")  # a script of ours may not be evaluated here
    assert len(names(window, "bm25")) == 6

    with window.page.expect_response("**/api/search"):
        window.page.select_option("#type", "doc")
    window.page.wait_for_selector("#lists", state="hidden")
    assert "검색 결과가 없습니다" in window.page.inner_text("#status")

    with window.page.expect_response("**/api/search"):
        window.page.select_option("#law", "")
    window.page.wait_for_selector(".hit")
    assert any("축제 준비" in name for name in names(window, "tuned"))
    window.assert_sound()


def test_nothing_found_says_so(window: Window) -> None:
    ask(window, "ψψψ")
    assert window.page.is_hidden("#lists")
    assert "검색 결과가 없습니다" in window.page.inner_text("#status")
    window.assert_sound()


def test_an_empty_query_is_not_sent(window: Window) -> None:
    sent: list[str] = []
    window.page.on("request", lambda request: sent.append(request.url) if "/api/search" in request.url else None)
    window.page.fill("#query", "   ")
    window.page.click("#go")
    assert window.page.inner_text("#note") == "질문을 입력하세요."
    assert sent == []


def test_a_very_long_query(window: Window) -> None:
    """As long as is read, it is answered; beyond, the page says so; neither breaks the page."""
    ask(window, "우물 " * (LONGEST // 3))
    assert window.page.locator(".hit").count() > 0
    window.assert_sound()
    window.page.fill("#query", "우물" * LONGEST)
    window.page.click("#go")
    assert "질문이 너무 깁니다 (4,000자)" in window.page.inner_text("#note")
    assert window.page.is_hidden("#lists")
    window.assert_sound()


@pytest.mark.parametrize("query", [SCRIPT, "우물 안내", f"우물{SCRIPT}", "</textarea><script>document.title='hacked'</script>"])
def test_no_script_runs(open_page: Opener, url: str, query: str) -> None:
    """Of a document's text or title, of a query, of an address."""
    window = open_page(f"{url}/?q={quote(query)}&law={quote(SCRIPT)}&type={quote(SCRIPT)}", locale="ko-KR", allow=(url,))
    window.page.wait_for_selector("main[aria-busy=false]")
    ask(window, "우물 안내 아침")
    assert any(SCRIPT in name for name in names(window, "bm25")), "the script is shown as text"
    assert window.page.title() == "haechi 검색"
    assert window.page.locator("#lists script, #lists img, #status *, #note *").count() == 0
    assert window.page.locator("script").count() == 1
    window.assert_sound()


def test_the_browser_itself_would_refuse_a_script(window: Window) -> None:
    """Should one ever get in: the content policy is the second wall."""
    window.page.evaluate("document.body.insertAdjacentHTML('beforeend', '<img src=x onerror=\"document.title=1\">')")
    window.page.evaluate(
        "document.body.append(Object.assign(document.createElement('script'), {textContent: 'document.title=2'}))"
    )
    window.page.wait_for_timeout(100)
    assert window.page.title() == "haechi 검색"
    assert any("Content Security Policy" in error for error in window.errors)


def test_long_texts_unfold(window: Window) -> None:
    ask(window, "축제 떡 등")
    card = window.page.locator("section[data-system=bm25] .hit", has_text="축제 준비")
    body = card.locator(".text")
    short = body.bounding_box()["height"]
    assert card.locator(".more").get_attribute("aria-expanded") == "false"
    card.locator(".more").click()
    assert body.bounding_box()["height"] > 2 * short
    assert card.locator(".more").get_attribute("aria-expanded") == "true"
    card.locator(".more").click()
    assert body.bounding_box()["height"] == short
    few = window.page.locator("section[data-system=bm25] .hit", has_text="담은 두 걸음")
    assert all(not more.is_visible() for more in few.locator(".more").all())


def test_on_a_phone_one_list_at_a_time(open_page: Opener, url: str) -> None:
    window = open_page(url, size=PHONE, locale="ko-KR", allow=(url,))
    ask(window, "담의 높이")
    for system in ("bm25", "hybrid", "tuned"):
        window.page.click(f"#tabs button[data-system={system}]")
        visible = [part.get_attribute("data-system") for part in window.page.locator("section.list").all() if part.is_visible()]
        assert visible == [system]
    window.assert_sound()


def test_the_same_article_lights_up_in_all_lists(window: Window) -> None:
    ask(window, "담의 높이")
    window.page.locator("section[data-system=bm25] .hit").first.hover()
    assert window.page.locator(".hit.same").count() == 3


@pytest.mark.parametrize(("locale", "language"), [("ko-KR", "ko"), ("en-US", "en"), ("de-DE", "en")])
def test_it_opens_in_the_browsers_language(open_page: Opener, url: str, locale: str, language: str) -> None:
    window = open_page(url, locale=locale, allow=(url,))

    assert window.page.get_attribute("html", "lang") == language
    assert window.page.inner_text("#go") == {"ko": "검색", "en": "Search"}[language]


def test_the_language_is_remembered_under_the_name_that_all_pages_share(window: Window) -> None:
    window.page.click("#language")
    assert window.page.evaluate("localStorage.getItem('haechi-language')") == "en"
    window.page.reload()
    window.page.wait_for_selector("#type option:nth-child(2)", state="attached")
    assert window.page.inner_text("#go") == "Search"
    ask(window, "ψψψ")
    assert "Nothing found" in window.page.inner_text("#status")


def test_a_refusal_that_the_page_does_not_know_is_said_in_korean_too(window: Window) -> None:
    refusal = '{"error": "bad_request", "message": "the search can\'t be read"}'
    window.page.route("**/api/search", lambda route: route.fulfill(status=400, body=refusal))
    window.page.fill("#query", "우물")
    window.page.click("#go")
    window.page.wait_for_selector("#note:not([hidden])")
    assert window.page.inner_text("#note") == "이 검색은 처리할 수 없습니다. 페이지를 새로 고친 뒤 다시 시도하세요."


def test_a_server_that_is_gone_is_said(window: Window, url: str) -> None:
    window.page.route("**/api/search", lambda route: route.abort())
    window.page.fill("#query", "우물")
    window.page.click("#go")
    window.page.wait_for_selector("#note:not([hidden])")
    assert "서버가 응답하지 않습니다" in window.page.inner_text("#note")
