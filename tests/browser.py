"""Headless Chromium for tests: the one that the system has, without a way out; where there is none the tests skip and say so."""

import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any, Literal

import pytest

NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
DESKTOP, PHONE = (1280, 900), (390, 844)
LOCAL = ("file:", "data:", "blob:", "about:")


@dataclass
class Window:
    """A page in its own context, with what went wrong in it."""

    page: Any
    errors: list[str] = field(default_factory=list)  # console errors and uncaught exceptions
    outside: list[str] = field(default_factory=list)  # addresses that were asked for and refused

    def overflow(self) -> int:
        """By how many pixels the page is wider than its window."""
        return int(self.page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth"))

    def assert_sound(self) -> None:
        """No error, no outside request, nothing to scroll sideways."""
        assert self.errors == []
        assert self.outside == []
        assert self.overflow() <= 0


Opener = Callable[..., Window]


@pytest.fixture(scope="module")
def chromium() -> Iterator[Any]:
    """One browser a module. Not one a session: playwright keeps an event loop running, and other tests start their own."""
    binary = next(filter(None, map(shutil.which, NAMES)), None)
    if binary is None:
        pytest.skip(f"no browser: none of {', '.join(NAMES)} is on the PATH (Debian: apt-get install chromium)")
    driver = pytest.importorskip("playwright.sync_api", reason="no browser driver: pip install -e '.[test]' -c constraints.txt")
    with driver.sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=binary)
        yield browser
        browser.close()


@pytest.fixture
def open_page(chromium: Any) -> Iterator[Opener]:
    """A function that opens an address; requests to anywhere but files and `allow` are refused and noted."""
    contexts = []

    def opened(
        url: str,
        size: tuple[int, int] = DESKTOP,
        scheme: Literal["light", "dark"] = "light",
        locale: str = "en-US",
        allow: tuple[str, ...] = (),
    ) -> Window:
        context = chromium.new_context(
            viewport={"width": size[0], "height": size[1]}, color_scheme=scheme, locale=locale, reduced_motion="reduce"
        )
        contexts.append(context)
        window = Window(context.new_page())

        def judge(route: Any) -> None:
            if route.request.url.startswith(LOCAL + allow):
                route.continue_()
            else:
                window.outside.append(route.request.url)
                route.abort()

        context.route("**/*", judge)
        window.page.on("console", lambda message: window.errors.append(message.text) if message.type == "error" else None)
        window.page.on("pageerror", lambda error: window.errors.append(str(error)))
        window.page.set_default_timeout(10_000)
        window.page.goto(url)
        return window

    yield opened
    for context in contexts:
        context.close()
