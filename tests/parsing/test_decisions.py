"""Issue n, holding n and citations n find each other."""

import pytest
from parsing.law_examples import decision, raw

from haechi.parsing.decisions import case_numbers, parse_decision, split_sections
from haechi.records.decision import Decision


def parsed(**changes: object) -> Decision:
    value = parse_decision(raw(decision(**changes))).value
    assert value
    return value


def test_sections_join_by_number() -> None:
    """Two issues, each with its holding and its citations."""
    first, second = parsed().sections

    assert (first.number, first.issue) == (1, "나무를 벤 자가 책임을 지는지 여부(적극)")
    assert (first.holding, first.citations) == ("나무를 벤 자는 책임을 진다.", "마을나무법 제3조")
    assert (second.number, second.citations) == (2, "민법 제98조")


def test_facts_of_the_decision() -> None:
    """Both case numbers are whole."""
    value = parsed()

    assert (value.id, value.name, value.court, value.kind) == ("900001", "나무값", "대법원", "판결")
    assert (value.case_numbers, value.date) == (("2020다1001", "2020다1002"), "20210325")


def test_a_decision_without_numbers_is_section_0() -> None:
    """One issue, one block of citations."""
    (section,) = parsed(판시사항="나무<br/>", 판결요지="", 참조조문="민법 제1조<br/>").sections

    assert (section.number, section.issue, section.holding, section.citations) == (0, "나무", "", "민법 제1조")


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", {}),
        ("가", {0: "가"}),
        ("[1] 가 / [2] 나", {1: "가", 2: "나"}),
        ("[1]가/[2]나", {1: "가", 2: "나"}),
        ("[1] 가\n[2] 나", {1: "가", 2: "나"}),
        ("[1][2] 가 / [3] 나", {1: "가", 2: "가", 3: "나"}),
        ("[1], [2] 가 / [3] 나", {1: "가", 2: "가", 3: "나"}),
        ("[1][3] 가 / [1] 나", {1: "가 / 나", 3: "가"}),
        ("[1] 가 나[2] 다", {1: "가 나[2] 다"}),
        ("가 / [2] 나", {1: "가", 2: "나"}),
        ("가\n[3] 나", {0: "가\n[3] 나"}),
        ("[1] 민법 제1조 [별표 2] / [2] 나", {1: "민법 제1조 [별표 2]", 2: "나"}),
        ("[1] 가 / 나 / [2] 다", {1: "가 / 나", 2: "다"}),
        ("[1]", {}),
    ],
)
def test_split_sections(text: str, expected: dict[int, str]) -> None:
    """A number counts at the beginning of a line or after a slash."""
    assert split_sections(text) == expected


@pytest.mark.parametrize(
    ("changes", "citations", "reasons"),
    [
        ({"참조조문": "[1] 가 / [3] 나"}, ["가", ""], ["citations_without_issue"]),
        ({"참조조문": "민법 제1조"}, ["", ""], ["citations_without_issue"]),
        ({"판시사항": "하나", "판결요지": ""}, [""], ["citations_without_issue"] * 2),
        ({"판결요지": "[1] 가 [2] 나\n[3] 다"}, ["마을나무법 제3조", "민법 제98조"], ["holding_without_issue"]),
        ({"판시사항": ""}, ["마을나무법 제3조", "민법 제98조"], []),
    ],
)
def test_what_matches_is_kept(changes: dict[str, str], citations: list[str], reasons: list[str]) -> None:
    """The rest is dropped by name, and units add up."""
    result = parse_decision(raw(decision(**changes)))
    assert result.value

    assert [section.citations for section in result.value.sections] == citations
    assert [row.reason for row in result.dropped] == reasons
    assert result.units == len(result.value.sections) + len(result.dropped)


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"판시사항": "", "판결요지": "<br/>", "참조조문": " "}, "blank_precedent"),
        ({"판시사항": "", "판결요지": ""}, "citations_only"),
        ({"선고일자": ""}, "bad_date"),
        ({"선고일자": "2021"}, "bad_date"),
        ({"선고일자": "20211399"}, "bad_date"),
        ({"선고일자": None}, "missing_key"),
        ({"선고일자": 20210325}, "wrong_type"),
        ({"판시사항": ["가"]}, "wrong_type"),
        ({"판례일련번호": 900001}, "wrong_type"),
        ({"판례일련번호": ""}, "blank_key"),
    ],
)
def test_a_decision_with_nothing_to_offer_is_dropped(changes: dict[str, object], reason: str) -> None:
    """As one unit."""
    result = parse_decision(raw(decision(**changes)))

    assert (result.value, result.units, [row.reason for row in result.dropped]) == (None, 1, [reason])


def test_dates_may_have_dots() -> None:
    """2021.03.25 is 20210325."""
    assert parsed(선고일자="2021.03.25").date == "20210325"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("2010마1554", ["2010마1554"]),
        ("2010마1554,1555", ["2010마1554", "2010마1555"]),
        ("2023그585, 586", ["2023그585", "2023그586"]),
        ("2011노969,2011노1449(병합)", ["2011노969", "2011노1449"]),
        ("2011노1828,1819(병합),2568(병합)", ["2011노1828", "2011노1819", "2011노2568"]),
        ("(창원)2019나1", ["2019나1"]),
        ("(제주)2014노99,(제주)2014전노19(병합)", ["2014노99", "2014전노19"]),
        ("2015고합148, 162(병합), 176-1(분리)(병합)(주1)", ["2015고합148", "2015고합162", "2015고합176-1"]),
        ("2010드합10979,10986", ["2010드합10979", "2010드합10986"]),
        ("2010도1, 1", ["2010도1"]),
        ("", []),
        ("없음", []),
    ],
)
def test_case_numbers(text: str, expected: list[str]) -> None:
    """Each one is written out."""
    assert list(case_numbers(text)) == expected
