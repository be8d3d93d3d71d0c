"""The user's own documents and queries."""

import pytest
from parsing.law_examples import document, query, raw

from haechi.parsing.documents import parse_document
from haechi.parsing.queries import parse_query


def test_a_document_may_be_called_by_id_and_text() -> None:
    """docid, content and id, text are the same."""
    first = parse_document(raw(document())).value
    second = parse_document(raw({"id": "manual-1", "title": "두레박 쓰는 법", "text": "두레박을 내린다. 물을 긷는다."})).value

    assert first == second
    assert first
    assert first.docid == "manual-1"


@pytest.mark.parametrize(("docid", "expected"), [(7, "7"), ("a b\tc", "a_b_c"), ("가/나", "가/나")])
def test_ids_have_no_spaces(docid: object, expected: str) -> None:
    """A TREC run file is split at spaces."""
    value = parse_document(raw(document(docid=docid))).value

    assert value
    assert value.docid == expected


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"docid": ""}, "blank_key"),
        ({"docid": True}, "wrong_type"),
        ({"docid": None}, "missing_key"),
        ({"docid": "x" * 201}, "long_id"),
        ({"content": 3}, "wrong_type"),
        ({"content": ["가"]}, "wrong_type"),
        ({"content": "  "}, "blank_key"),
        ({"content": "<br/>"}, "empty_document"),
        ({"title": {}}, "wrong_type"),
    ],
)
def test_a_broken_document_is_dropped(changes: dict[str, object], reason: str) -> None:
    """As one unit."""
    result = parse_document(raw(document(**changes)))

    assert (result.value, result.units, [row.reason for row in result.dropped]) == (None, 1, [reason])


def test_the_id_of_a_query_is_its_content() -> None:
    """The order of the positives does not matter, their set does."""
    one = parse_query(raw(query(positives=["b", "a", "a"]))).value
    same = parse_query(raw(query(positives=["a", "b"]), "other.jsonl")).value
    other = parse_query(raw(query(positives=["a"]))).value
    assert one
    assert same
    assert other

    assert one.query_id == same.query_id != other.query_id
    assert one.positives == ("a", "b")


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"query": 1}, "wrong_type"),
        ({"query": " "}, "blank_key"),
        ({"positives": "a"}, "wrong_type"),
        ({"positives": [1]}, "wrong_type"),
        ({"positives": []}, "no_positives"),
        ({"positives": [" "]}, "no_positives"),
        ({"use": "tests"}, "unknown_use"),
        ({"use": ["test"]}, "unknown_use"),
    ],
)
def test_a_broken_query_is_dropped(changes: dict[str, object], reason: str) -> None:
    """As one unit."""
    result = parse_query(raw(query(**changes)))

    assert (result.value, [row.reason for row in result.dropped]) == (None, [reason])


def test_the_use_of_a_query_is_no_part_of_its_id() -> None:
    without, validation = (parse_query(raw(query(**use))).value for use in ({}, {"use": "validation"}))
    assert without
    assert validation

    assert (without.use, validation.use) == (None, "validation")
    assert without.query_id == validation.query_id


def test_a_wrong_use_says_what_may_stand_there() -> None:
    (row,) = parse_query(raw(query(use="exam"))).dropped

    assert "use is 'exam'; write one of test, validation, training, or leave it out" in row.detail
