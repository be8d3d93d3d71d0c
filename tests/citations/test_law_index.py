"""Names and labels lead to articles."""

import copy

import pytest
from parsing.law_examples import law, raw, rule

from haechi.citations.law_index import LawIndex
from haechi.parsing.admin_rules import parse_rule
from haechi.parsing.statute_types import Statute
from haechi.parsing.statutes import parse_statute


def statute(law_id: str, name: str, abbr: str = "") -> Statute:
    value = copy.deepcopy(law())
    value["법령"]["기본정보"] |= {"법령ID": law_id, "법령명_한글": name, "법령명약칭": abbr}
    parsed = parse_statute(raw(value)).value
    assert parsed
    return parsed


@pytest.fixture(scope="module")
def index() -> LawIndex:
    act = parse_statute(raw(law())).value
    order = parse_rule(raw(rule())).value
    assert act
    assert order
    decree = statute("000778", "마을나무 보호 및 가꾸기에 관한 법률 시행령")
    others = [statute("000001", "첫째ㆍ둘째 법", "숲법"), statute("000002", "다른 숲의 법", "숲법")]
    return LawIndex([act, decree, *others], [order])


@pytest.mark.parametrize(
    ("name", "key"),
    [
        ("마을나무 보호 및 가꾸기에 관한 법률", "LAW_000777"),
        ("마을나무보호 및 가꾸기에 관한법률", "LAW_000777"),
        ("「마을나무 보호 및 가꾸기에 관한 법률」", "LAW_000777"),
        ("마을나무법", "LAW_000777"),
        ("마을나무 보호 및 가꾸기에 관한 법률 시행령", "LAW_000778"),
        ("마을나무법 시행령", "LAW_000778"),
        ("마을나무법시행령", "LAW_000778"),
        ("첫째·둘째 법", "LAW_000001"),
        ("우물 관리 규정", "ADM_4242"),
        ("숲법", None),
        ("마을나무법 시행규칙", None),
        ("나무법", None),
        ("", None),
    ],
)
def test_names(index: LawIndex, name: str, key: str | None) -> None:
    """Exact, folded and short; an ambiguous short name finds nothing."""
    assert index.resolve(name) == key


def test_articles(index: LawIndex) -> None:
    """Live, deleted and unknown labels."""
    assert index.live_article("LAW_000777", "제3조의2") == "LAW_000777_제3조의2"
    assert index.live_article("LAW_000777", "제4조") is None
    assert index.is_deleted("LAW_000777", "제4조")
    assert index.live_article("LAW_000777", "제99조") is None
    assert not index.is_deleted("LAW_000777", "제99조")
    assert index.first_date("LAW_000777") == "20101231"
    assert index.law_key("ADM_4242_제1조") == "ADM_4242"
    assert "LAW_000777_제4조" not in index.article_keys


def test_titles_and_leads(index: LawIndex) -> None:
    """The lead of an article without one is its first paragraph."""
    assert index.title("LAW_000777_제2조") == "정의"


def test_siblings(index: LawIndex) -> None:
    """Live ones only, never the article itself."""
    siblings = index.siblings("LAW_000777_제3조")

    assert siblings.chapter == ("LAW_000777_제3조의2", "LAW_000777_제6조")
    assert siblings.law == ("LAW_000777_제1조", "LAW_000777_제2조", "LAW_000777_제3조의2", "LAW_000777_제6조")


def test_names_come_longest_first(index: LawIndex) -> None:
    """So a search finds 마을나무법 시행령 before 마을나무법."""
    lengths = [len(name) for name in index.names]

    assert lengths == sorted(lengths, reverse=True)
