"""Sections keep every word; pieces keep the limit, whole tables and the page that they begin on."""

import re
from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st
from parsing.law_examples import params

from haechi.parsing.chunks import cut, windows
from haechi.parsing.content import Block, content, heading, paragraph, table
from haechi.parsing.documents import Document
from haechi.parsing.passages import document_passages
from haechi.parsing.sections import pieces, sections
from haechi.records.passage import Passage, rows

WORDS = st.lists(
    st.sampled_from(["물을 준다. ", "나무를 벤다.\n", "가나다라마바사아자차카 ", "끝"]), min_size=1, max_size=12
).map("".join)
BLOCKS = st.lists(
    st.builds(heading, WORDS, st.integers(1, 4), st.integers(0, 3))
    | st.builds(paragraph, WORDS, st.integers(0, 3))
    | st.builds(table, st.lists(st.lists(WORDS, min_size=2, max_size=2), min_size=1, max_size=5), st.integers(0, 3)),
    max_size=12,
)


def words(text: str) -> Counter[str]:
    return Counter(re.findall(r"[^\s|]", text))


def passages(*blocks: Block, title: str = "설명서", **changes: object) -> list[Passage]:
    return list(document_passages(Document("m", title, blocks, "m.pdf"), params("article", **changes)))


@given(BLOCKS)
def test_every_word_stands_in_a_section_or_in_a_path(blocks: list[Block]) -> None:
    """A heading with text or headings below it is in their paths, any other is text itself."""
    made = sections(blocks)

    assert all(section.blocks for section in made)
    texts = [block.text for section in made for block in section.blocks]
    in_order = iter([block.text for block in blocks])
    assert all(text in in_order for text in texts)
    paths = {name for section in made for name in section.path}
    assert {block.text for block in blocks} == set(texts) | paths
    assert len({section.slug for section in made if section.slug}) == sum(bool(section.slug) for section in made)


@given(BLOCKS, st.integers(12, 80), st.integers(0, 6))
def test_pieces_keep_the_limit_and_every_word(blocks: list[Block], limit: int, overlap: int) -> None:
    text = [block for block in blocks if block.kind != "heading"]
    made = pieces(text, limit, overlap)

    assert all(0 < len(piece.text) <= limit for piece in made)
    assert not words("".join(block.text for block in text)) - words("".join(piece.text for piece in made))
    if not overlap and all(block.kind == "text" for block in text):
        assert words("".join(block.text for block in text)) == words("".join(piece.text for piece in made))


@given(WORDS, st.integers(5, 60))
def test_one_plain_text_is_cut_as_it_always_was(text: str, limit: int) -> None:
    """So documents without a structure keep their passages."""
    assert [piece.text for piece in pieces([Block("text", text)], limit, 0)] == [piece.strip() for piece in cut(text, limit)]
    windowed = [piece.text for piece in pieces([Block("text", text)], limit, limit // 4)]
    assert windowed == [piece.strip() for piece in windows(text, limit)]


def test_a_passage_carries_title_and_headings() -> None:
    made = passages(
        paragraph("머리말이다."),
        heading("1장", 1),
        heading("1절", 2, 3),
        paragraph("본문이다.", 3),
        heading("2장", 1),
        paragraph("끝이다."),
    )

    assert [passage.text for passage in made] == ["설명서\n머리말이다.", "설명서 > 1장 > 1절\n본문이다.", "설명서 > 2장\n끝이다."]
    assert [(passage.id, passage.header, passage.body, passage.page) for passage in made] == [
        ("DOC_m_1", "설명서", "머리말이다.", 0),
        ("DOC_m_2", "설명서 > 1장 > 1절", "본문이다.", 3),
        ("DOC_m_3", "설명서 > 2장", "끝이다.", 0),
    ]
    assert {passage.article_key for passage in made} == {"DOC_m"}


def test_a_section_can_be_what_answers() -> None:
    """By its heading; two of one name are told apart, what stands before the first heading is the document's own."""
    made = passages(
        paragraph("가"),
        heading("보관 방법", 1),
        paragraph("나"),
        heading("보관 방법", 1),
        paragraph("다"),
        document_gold="section",
    )

    assert [(p.article_key, p.parent_id) for p in made] == [
        ("DOC_m", "DOC_m"),
        ("DOC_m#보관_방법", "DOC_m"),
        ("DOC_m#보관_방법~2", "DOC_m"),
    ]


def test_paragraphs_stay_whole_where_they_fit() -> None:
    """Then sentences, then clauses."""
    made = passages(paragraph("가나다. 라마바."), paragraph("사아자. 차카타. 파하."), max_chars=20)

    assert [passage.body for passage in made] == ["가나다. 라마바.", "사아자. 차카타. 파하."]


def test_a_passage_repeats_the_last_sentences_of_the_one_before() -> None:
    """As many as fit, and none by halves; its page is that of what is new."""
    made = passages(paragraph("하나다. 둘이다.", 1), paragraph("셋이다. 넷이다.", 2), max_chars=16, overlap_chars=6)

    assert [(passage.body, passage.page) for passage in made] == [("하나다. 둘이다.", 1), ("둘이다.\n셋이다. 넷이다.", 2)]


def test_a_table_is_whole_or_cut_by_rows_below_its_first() -> None:
    cells = table([["부품", "주기"], ["필터", "매월"], ["겉면", "매주"], ["물통", "매일"]])

    assert [p.body for p in passages(paragraph("글이다."), cells, max_chars=60)] == [f"글이다.\n{cells.text}"]
    parts = [p.body for p in passages(paragraph("글이다."), cells, max_chars=19)]
    assert parts == ["글이다.", "부품 | 주기\n필터 | 매월", "부품 | 주기\n겉면 | 매주", "부품 | 주기\n물통 | 매일"]


def test_the_one_widest_heading_is_the_title() -> None:
    """Not where there are two of them: then the file's name says more."""
    assert content("", [heading("설명서", 1), heading("켜기", 2), paragraph("글")]).title == "설명서"
    assert content("", [heading("1부", 1), paragraph("글"), heading("2부", 1)]).title == ""
    assert content("책", [heading("1부", 1), paragraph("글")]) == content(
        "책", [heading("책", 1), heading("1부", 1), paragraph("글")]
    )


def test_chapters_of_a_regulation_are_headings_where_nothing_is_marked() -> None:
    """A reference at the beginning of a sentence is none."""
    plain = [
        paragraph(line) for line in ("제1장 총칙", "제1조(목적) 정한다.", "제2장의 규정에 따른다.", "제2절 벌칙", "벌금이다.")
    ]
    read = content("", plain)

    assert [(block.text, block.level) for block in read.blocks if block.kind == "heading"] == [
        ("제1장 총칙", 2),
        ("제2절 벌칙", 3),
    ]
    marked = content("", [*plain, heading("부칙", 1), paragraph("글")])
    assert [block.text for block in marked.blocks if block.kind == "heading"] == []
    assert marked.title == "부칙"


def test_a_page_is_written_only_where_there_is_one() -> None:
    """Corpora without pages keep the bytes of their files."""
    with_page, without = rows(passages(paragraph("가", 4)) + passages(paragraph("가")))

    assert with_page["page"] == 4
    assert "page" not in without
    assert list(without) == [name for name in with_page if name != "page"]


def test_a_document_with_sections_counts_as_one_read_and_one_kept() -> None:
    made = passages(heading("가", 1), paragraph("글"), heading("나", 1), paragraph("글"), document_gold="section")

    assert len({passage.article_key for passage in made}) == 2
    assert len({passage.parent_id for passage in made}) == 1


@pytest.mark.parametrize("line", ["제1장 총칙 ········ 3", "2.1 Syntax . . . . . . . . . 12", "설치 .......... iv", "청소 …… 7"])
def test_a_line_of_a_table_of_contents_is_no_text(line: str) -> None:
    """It would be found for its heading and answer nothing."""
    assert content("", [paragraph(line), paragraph("글이다.")]).text == "글이다."


@pytest.mark.parametrize(
    "line", ["그랬다...", "끝이 없다....... 그렇게 7일을 보냈다.", "버전 1.2.3.4", "그랬다......", "가 · 나 · 다 · 라 · 3"]
)
def test_dots_in_a_sentence_are_none(line: str) -> None:
    assert content("", [paragraph(line)]).text == line
