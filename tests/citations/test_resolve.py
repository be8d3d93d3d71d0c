"""What a citation means today; citations in running text; laws of the parser."""

import pytest
from citations.test_resolve_table import TABLE, as_text
from hypothesis import given
from hypothesis import strategies as st
from parsing.law_examples import law, raw

from haechi.citations.law_index import LawIndex
from haechi.citations.resolve import Resolved, Unresolved, parse_citations, resolve
from haechi.parsing.statutes import parse_statute


@pytest.fixture(scope="module")
def index() -> LawIndex:
    act = parse_statute(raw(law())).value
    assert act
    return LawIndex([act])


# The law of the examples begins on 20101231; 제4조 is deleted.
@pytest.mark.parametrize(
    ("text", "date", "expected"),
    [
        ("마을나무법 제3조의2 제1항", "20200101", ["current 제3조의2"]),
        ("마을나무법 제3조", "20101231", ["current 제3조"]),
        ("마을나무법 제3조", "20101230", ["before_first_addendum"]),
        ("마을나무법 제3조", "", ["current 제3조"]),
        ("구 마을나무법 제3조", "20200101", ["old 제3조"]),
        ("구 마을나무법(2015. 1. 1. 법률 제1호로 개정되기 전의 것) 제3조", "20200101", ["old 제3조"]),
        ("구 마을나무법(2010. 12. 31. 법률 제1호로 전부 개정되기 전의 것) 제3조", "20200101", ["before_first_addendum"]),
        ("구 마을나무법 제3조(현행 제6조 참조)", "20200101", ["renumbered", "present 제6조"]),
        ("구 마을나무법 제3조(현행 제6조 참조)", "20050101", ["renumbered", "before_first_addendum"]),
        ("구 다른법 제3조(현행 마을나무법 제6조)", "20200101", ["unknown_law", "present 제6조"]),
        ("구 마을나무법 제3조(현행 삭제)", "20200101", ["renumbered"]),
        ("마을나무법 제4조", "20200101", ["deleted_article"]),
        ("마을나무법 제77조", "20200101", ["no_such_article"]),
        ("다른법 제1조", "20200101", ["unknown_law"]),
        ("마을나무법 부칙 제1조", "20200101", ["addenda"]),
        ("마을나무법 [별표 1]", "20200101", ["annex"]),
    ],
)
def test_resolve(index: LawIndex, text: str, date: str, expected: list[str]) -> None:
    """An article with its tier, or the reason why there is none."""
    found = []
    for citation in parse_citations(text):
        match resolve(citation, index, date):
            case Resolved(article_key, tier):
                found.append(f"{tier} {article_key.removeprefix('LAW_000777_')}")
            case Unresolved(reason):
                found.append(reason)

    assert found == expected


NAMES = ("민법", "상법", "공익사업을 위한 토지 등의 보상에 관한 법률", "독점규제 및 공정거래에 관한 법률", "신용ㆍ정보법")


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("민법 제750조에 따른 책임이 있는지 여부", "민법 제750조"),
        ("甲이 민법 제103조를 위반하였는지 및 상법 제24조의 명의대여자인지", "민법 제103조 | 상법 제24조"),
        ("민법 제103조, 제104조에 위반되는지", "민법 제103조 | 민법 제104조"),
        ("민법 제103조 또는 제104조 제1항의 효력", "민법 제103조 | 민법 제104조 제1항"),
        ("민법 제103조와 상법 제24조", "민법 제103조 | 상법 제24조"),
        ("민법 제103조 및 같은 법 제104조", "민법 제103조 | 민법 제104조"),
        ("‘공익사업을 위한 토지 등의 보상에 관한 법률’ 제61조가", "공익사업을 위한 토지 등의 보상에 관한 법률 제61조"),
        ("재건축에도 공익사업을 위한 토지 등의 보상에 관한 법률 제61조가", "공익사업을 위한 토지 등의 보상에 관한 법률 제61조"),
        ("구 상법(2011. 4. 14. 법률 제10600호로 개정되기 전의 것) 제341조의 취지", "구 상법 제341조"),
        ("구 상법 제341조의 취지", "구 상법 제341조"),
        ("독점규제 및 공정거래에 관한 법률 시행령 제9조의 위임", "독점규제 및 공정거래에 관한 법률 시행령 제9조"),
        ("독점규제및공정거래에관한법률 제9조", "독점규제및공정거래에관한법률 제9조"),
        ("신용·정보법 제2조", "신용·정보법 제2조"),
        ("형법 제30조의 공동정범", "형법 제30조"),
        ("민법 제1조에 따라 등기하고 제3조를 지킨 자", "민법 제1조"),
        # given up: a name glued to the word before, a name of many words that is not known
        ("반드시민법 제70조를 준용하여", "반드시민법 제70조"),
        ("모르는 일의 처리에 관한 법률 제3조", ""),
        ("독일 민법 제242조의 신의칙", ""),
        ("민법이 정하는 바", ""),
        ("제750조의 책임", ""),
    ],
)
def test_running_text(text: str, expected: str) -> None:
    """Known names are found at word boundaries, and their lists as far as connectors go."""
    assert " | ".join(map(as_text, parse_citations(text, NAMES))) == expected


@given(st.text(alphabet="민상법제조항호목의구부칙별표현행 0123456789()[]〔〕,./·‘’가나내지"))
def test_the_parser_reads_anything(text: str) -> None:
    """Nothing crashes it, and each citation has a law and points into the text."""
    for citation in (*parse_citations(text), *parse_citations(text, ("민법", "상법"))):
        assert citation.law
        assert citation.article or citation.kind == "addenda"


WHOLE = [text for text, _ in TABLE if text.startswith(("민법 ", "구 ", "상법 ")) and ")" not in text]


@given(st.lists(st.sampled_from(WHOLE), min_size=1))
def test_sentences_with_a_law_of_their_own_are_independent(texts: list[str]) -> None:
    """The parse of a list is the list of the parses."""
    expected = [as_text(citation) for text in texts for citation in parse_citations(text)]

    assert [as_text(citation) for citation in parse_citations(", ".join(texts))] == expected


def test_the_version_of_an_old_law_is_kept() -> None:
    """So a renumbering by that very amendment is seen."""
    (citation,) = parse_citations("구 소득세법(2021. 12. 8. 법률 제18578호로 개정되기 전의 것) 제89조")

    assert (citation.version, citation.raw) == ("20211208", "제89조")
