"""The browser that the other tests rely on sees what it should see."""

from pathlib import Path

from browser import PHONE, Opener


def test_a_sound_page_is_sound(open_page: Opener, tmp_path: Path) -> None:
    (tmp_path / "page.html").write_text("<!doctype html><title>t</title><p>본문</p>", encoding="utf-8")
    window = open_page((tmp_path / "page.html").as_uri(), PHONE)

    window.assert_sound()
    assert window.page.inner_text("p") == "본문"


def test_errors_outside_requests_and_overflow_are_noticed(open_page: Opener, tmp_path: Path) -> None:
    (tmp_path / "page.html").write_text(
        "<!doctype html><img src='https://example.invalid/x.png'><div style='width: 3000px'>wide</div>"
        "<script>console.error('loud'); throw new Error('thrown')</script>"
    )
    window = open_page((tmp_path / "page.html").as_uri())

    assert window.outside == ["https://example.invalid/x.png"]
    assert any("loud" in error for error in window.errors)
    assert any("thrown" in error for error in window.errors)
    assert window.overflow() > 1000
