"""The pages of docs/ build into a site without a warning, and it can be read and searched in both languages without a network."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
from browser import Opener

pytestmark = pytest.mark.slow

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    pytest.importorskip("material", reason="no generator of the site: pip install -e '.[docs]' -c constraints.txt")
    folder = tmp_path_factory.mktemp("site")
    build = [sys.executable, "-m", "mkdocs", "build", "--strict", "--site-dir", str(folder)]
    environment = {**os.environ, "NO_MKDOCS_2_WARNING": "1"}  # the makers' notice about their next generator, no fault of a page
    done = subprocess.run(build, cwd=ROOT, env=environment, capture_output=True, text=True, check=False)

    assert done.returncode == 0, done.stderr
    assert "WARNING" not in done.stderr
    return folder


def test_every_page_is_in_the_site_and_in_its_navigation(site: Path) -> None:
    pages = {page.relative_to(ROOT / "docs").with_suffix(".html") for page in (ROOT / "docs").rglob("*.md")}
    index = (site / "index.html").read_text(encoding="utf-8")

    assert [page for page in pages if not (site / page).is_file()] == []
    assert [page for page in pages if f'href="{page.as_posix()}"' not in index] == []


def test_no_page_takes_a_script_a_style_or_a_picture_from_elsewhere(site: Path) -> None:
    taken = re.compile(r'<(?:script|img|iframe)[^>]* src="?(?:https?:)?//|<link[^>]* href="?(?:https?:)?//|url\((?:https?:)?//')
    texts = [*site.rglob("*.html"), *site.rglob("*.css")]

    assert texts
    assert [file for file in texts if taken.search(file.read_text(encoding="utf-8"))] == []


@pytest.mark.parametrize(
    ("words", "page"),
    [
        ("quarantine", "data.html"),
        ("overfitting", "training.html"),
        ("하드 네거티브", "ko/recipes.html"),
        ("평가 집합", "ko/data.html"),
    ],
)
def test_a_search_finds_pages_in_english_and_korean_without_a_server(
    words: str, page: str, site: Path, open_page: Opener
) -> None:
    window = open_page((site / "index.html").as_uri())
    window.page.click(".md-search__input")
    window.page.fill(".md-search__input", words)
    window.page.press(".md-search__input", "End")  # the page listens to keys, which filling a field doesn't press
    window.page.wait_for_selector(".md-search-result__link", timeout=60_000)
    links = window.page.eval_on_selector_all(".md-search-result__link", "links => links.map(link => link.getAttribute('href'))")

    assert any(f"{page}" in link for link in links), links
    assert window.outside == []
