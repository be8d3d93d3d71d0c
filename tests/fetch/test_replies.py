"""Replies of the service as values: lists under all their wrappers, records in the shapes of the raw data."""

from typing import Any

import pytest

from haechi.fetch.replies import TARGETS, Page, WrongReply, id_of, parse_list, refusal, unwrap

LAWS, RULES, PRECEDENTS = TARGETS["laws"], TARGETS["admin-rules"], TARGETS["precedents"]
TWELVE = {
    "판례일련번호",
    "사건명",
    "사건번호",
    "법원명",
    "사건유형",
    "판결유형",
    "선고일자",
    "판시사항",
    "판결요지",
    "판결본문",
    "참조조문",
    "참조판례",
}
ROWS = [{"판례일련번호": "11"}, {"판례일련번호": 12}]


@pytest.mark.parametrize(
    ("payload", "page"),
    [
        ({"PrecSearch": {"totalCnt": "250", "prec": ROWS}}, Page(250, ("11", "12"))),
        ({"PrecSearch": {"totalCnt": 1, "prec": ROWS[0]}}, Page(1, ("11",))),
        ({"PrecSearch": {"totalCnt": "0", "page": "1"}}, Page(0, ())),
        ({"total": 2, "prec": ROWS}, Page(2, ("11", "12"))),
        ({"검색결과": {"total": "2", "prec": ROWS}}, Page(2, ("11", "12"))),
        ({"검색결과": ROWS}, Page(None, ("11", "12"))),
        (ROWS, Page(None, ("11", "12"))),
        ([], Page(None, ())),
    ],
)
def test_a_list_is_read_under_every_wrapper(payload: Any, page: Page) -> None:
    assert parse_list(payload, PRECEDENTS) == page


def test_laws_and_rules_are_listed_by_the_ids_that_name_their_files() -> None:
    """A law that came as a number has its zeros back."""
    laws = {"LawSearch": {"totalCnt": "2", "law": [{"법령ID": "001706", "법령일련번호": "9"}, {"법령ID": 30}]}}
    rules = {"AdmRulSearch": {"totalCnt": "1", "admrul": {"행정규칙일련번호": "2100000000042", "행정규칙ID": "4"}}}

    assert parse_list(laws, LAWS).ids == ("001706", "000030")
    assert parse_list(rules, RULES).ids == ("2100000000042",)


@pytest.mark.parametrize(
    ("payload", "reason"),
    [
        ({"Law": "인증에 실패하였습니다."}, "인증에 실패하였습니다."),
        ("no", "a str instead of an object"),
        ({"PrecSearch": {"totalCnt": "many", "prec": ROWS}}, "a total that is no number"),
        (
            {"PrecSearch": {"totalCnt": "1", "prec": [{"판례일련번호": "../../etc/passwd"}]}},
            "a row of the list without 판례일련번호",
        ),
        ({"PrecSearch": {"totalCnt": "1", "prec": ["11"]}}, "a row of the list without 판례일련번호"),
        ({"PrecSearch": {"totalCnt": "1", "prec": "11"}}, "prec in a list is no list of rows"),
    ],
)
def test_what_is_no_list_says_what_it_is(payload: Any, reason: str) -> None:
    with pytest.raises(WrongReply) as caught:
        parse_list(payload, PRECEDENTS)

    assert caught.value.reason == reason


@pytest.mark.parametrize("wrap", [lambda p: p, lambda p: {"PrecService": p}, lambda p: {"판례": p}])
def test_a_precedent_is_flat_with_its_twelve_keys(wrap: Any) -> None:
    """The service's own names (판례정보일련번호, 사건종류명, 판례내용) become those of the raw data."""
    reply = {
        "판례정보일련번호": 7,
        "사건종류명": "민사",
        "판결본문": " ",
        "판례내용": "주문",
        "선고일자": "2010.12.23",
        "판시사항": ["가", "나"],
        "참조판례": None,
    }
    record = unwrap(wrap(reply), PRECEDENTS)

    assert set(record) == TWELVE
    assert (record["판례일련번호"], record["사건유형"], record["판결본문"]) == ("7", "민사", "주문")
    assert (record["선고일자"], record["판시사항"], record["참조판례"]) == ("20101223", "가\n나", "")
    assert unwrap(record, PRECEDENTS) == record
    assert id_of(record, PRECEDENTS) == "7"


def test_a_judgment_under_its_old_name_is_kept() -> None:
    assert unwrap({"판례일련번호": "7", "판결본문": "주문"}, PRECEDENTS)["판결본문"] == "주문"


def test_laws_and_rules_keep_their_wrapper_and_nothing_beside_it() -> None:
    law = {"법령": {"기본정보": {"법령ID": "000777"}}, "more": 1}
    rule = {"AdmRulService": {"행정규칙기본정보": {"행정규칙일련번호": "2100000000042"}}}

    assert unwrap(law, LAWS) == {"법령": law["법령"]}
    assert unwrap(rule, RULES) == rule
    assert (id_of(law, LAWS), id_of(rule, RULES), id_of(law, RULES)) == ("000777", "2100000000042", None)


@pytest.mark.parametrize(
    ("payload", "reason"),
    [
        ({"Law": "일치하는 판례가  없습니다."}, "일치하는 판례가 없습니다."),
        ({}, "an object with the keys (none)"),
        ([1], "a list instead of an object"),
        ({"판례일련번호": "1", "판시사항": {"a": 1}}, "판시사항 is no text"),
    ],
)
def test_what_is_no_record_says_what_it_is(payload: Any, reason: str) -> None:
    with pytest.raises(WrongReply, match=reason.replace("(", r"\(").replace(")", r"\)")):
        unwrap(payload, PRECEDENTS)


def test_a_refusal_is_told_from_a_record() -> None:
    assert refusal({"result": "실패", "msg": "등록해 주세요"}) == "실패 등록해 주세요"
    assert refusal({"PrecSearch": {"resultMsg": "success"}}) is None
    assert refusal([]) is None
