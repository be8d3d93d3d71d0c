"""Lines of a page become paragraphs and headings, whichever way the page was set."""

from collections.abc import Sequence

import pytest

from haechi.parsing.content import Block
from haechi.parsing.pdf import blocks_of, without_running
from haechi.parsing.pdf_lines import Line


def page(*texts: str | tuple[str, float], number: int = 1, width: float = 400, gap: float = 2) -> list[Line]:
    """Lines of ten points below each other, all as wide as the page but for those that end in a blank."""
    lines, top = [], 800.0
    for text in texts:
        words, size = text if isinstance(text, tuple) else (text, 10.0)
        right = width / 3 if words.endswith(" ") else width
        lines.append(Line(words.strip(), number, 50, right, top, top - size, size))
        top -= size + gap
    return lines


def texts(lines: Sequence[Line]) -> list[str]:
    return [block.text for block in blocks_of(lines)]


def test_full_lines_are_one_paragraph_and_a_short_one_ends_it() -> None:
    assert texts(page("물을 긷는 사람은", "줄을 선다. ", "나무를 벤 사람은", "셋을 심는다. ")) == [
        "물을 긷는 사람은 줄을 선다.",
        "나무를 벤 사람은 셋을 심는다.",
    ]


def test_a_gap_ends_a_paragraph_though_its_line_is_full() -> None:
    upper, lower = page("물을 긷는 사람은 줄을 선다."), page("나무를 벤 사람은 셋을 심는다.")
    moved = [Line(line.text, 1, line.left, line.right, line.top - 40, line.bottom - 40, line.size) for line in lower]

    assert len(texts([*upper, *moved])) == 2


def test_a_paragraph_goes_on_on_the_next_page() -> None:
    """Where its sentence does; it stands on the page that it begins on."""
    assert list(blocks_of([*page("물을 긷는 사람은"), *page("줄을 선다.", number=2)])) == [
        Block("text", "물을 긷는 사람은 줄을 선다.", 0, 1)
    ]
    assert len(texts([*page("줄을 선다."), *page("물을 긷는 사람은", number=2)])) == 2


@pytest.mark.parametrize("mark", ["1. ", "2) ", "- ", "• ", "① "])
def test_an_item_of_a_list_begins_a_paragraph(mark: str) -> None:
    assert len(texts(page("물을 긷는 사람은 줄을 서고", f"{mark}나무를 벤다"))) == 2


def test_an_ending_that_looks_like_an_item_begins_none() -> None:
    """`다.` and `제3조` stand inside sentences; after a sentence they don't."""
    assert texts(page("그날은 물을 준", "다. 나무를 벤")) == ["그날은 물을 준 다. 나무를 벤"]
    assert texts(page("이 규정은", "제3조에 따른다.")) == ["이 규정은 제3조에 따른다."]
    assert len(texts(page("이 규정을 둔다.", "제3조 물을 준다."))) == 2
    assert len(texts(page("물을 준다.", "나. 나무를 벤다."))) == 2


def test_a_word_that_a_line_ends_in_the_middle_of_is_made_whole() -> None:
    """The document itself says which: `나무를` stands elsewhere, `물을벤다` doesn't."""
    lines = page("한 사람이 나무를 벤다 나무를 심는다 그 나무", "를 셋이 심는다 또 물을", "벤다 하고 끝")

    assert texts(lines) == ["한 사람이 나무를 벤다 나무를 심는다 그 나무를 셋이 심는다 또 물을 벤다 하고 끝"]


def test_a_hyphen_at_the_end_of_a_line_joins_latin_words() -> None:
    assert texts(page("The retrie-", "val of 2020-", "2021 and A-", "B tests")) == ["The retrieval of 2020- 2021 and A- B tests"]


def test_larger_print_is_a_heading_and_its_lines_are_one() -> None:
    """Levels follow the sizes; a large number alone is none."""
    lines = page(
        ("두레박 쓰는 사람을", 20.0), ("위한 설명서 ", 20.0), ("설치 ", 14.0), *["물을 긷는 사람은 줄을 선다. "] * 5, ("7", 30.0)
    )

    assert [(block.text, block.level) for block in blocks_of(lines) if block.kind == "heading"] == [
        ("두레박 쓰는 사람을 위한 설명서", 1),
        ("설치", 2),
    ]


def test_what_stands_at_the_edge_of_most_pages_is_no_text() -> None:
    """Only its numbers differ from page to page; what stands there once, and what is a heading, is kept."""
    stories = ["물을 긷는다.", "나무를 벤다.", "길을 낸다.", "담을 쌓는다.", "떡을 찐다.", "등을 단다."]
    pages = [
        page("주식회사 두레 ", (f"제{n}장 ", 20.0), f"{story} ", f"그날 {story} ", f"- {n} - ", number=n)
        for n, story in enumerate(stories, 1)
    ]
    kept = without_running([line for lines in pages for line in lines], len(pages))

    chapters = {f"제{n}장" for n in range(1, 7)}
    assert {line.text for line in kept} == {*stories, *chapters, *(f"그날 {story}" for story in stories)}
    few = without_running([line for lines in pages[:2] for line in lines], 2)
    assert {line.text for line in few} == {
        *stories[:2],
        *(f"그날 {story}" for story in stories[:2]),
        "제1장",
        "제2장",
        "주식회사 두레",
    }


def test_a_chapter_of_a_long_document_may_have_its_own_header() -> None:
    words = [chr(ord("가") + n) * 3 for n in range(60)]
    pages = [
        page(f"{'첫째' if n < 10 else '둘째'} 장 {n} ", f"{word} ", f"{word}다 ", f"{word}라 ", number=n + 1)
        for n, word in enumerate(words)
    ]
    kept = without_running([line for lines in pages for line in lines], len(pages))

    assert len(kept) == 3 * 60
