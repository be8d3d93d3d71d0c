import pytest
from small_law import passage

from haechi.law.text import fold
from haechi.questions import filters
from haechi.records.question import Question

BODY = "마을 회의는 우물을 고칠 때에 그 비용을 이웃에게 고루 나눈다."
PASSAGES = {"p": passage("p", f"마을법 제4조(우물)\n{BODY}")}


def question(text: str, id: str = "q") -> Question:
    return Question(id, "p", "p", text, "title", "offline")


CASES = [
    (filters.length_between(5, 12), "too_short", "우물", "우물은 누가 고치나"),
    (filters.length_between(5, 12), "too_long", "우물을 고치는 데에 드는 비용은", "우물은 누가 고치나"),
    (filters.in_korean, "not_korean", "who mends 우물", "우물 LPG 비용은"),
    (filters.in_korean, "not_korean", "123 ?!", "우물 3개"),
    (filters.about_this_document, "asks_about_document", "이 조문은 무엇을 정하나요", "우물은 무엇인가요"),
    (filters.about_this_document, "asks_about_document", "위 글의 요지", "공무원이 문서를 위조하면 어떻게 되나요"),
    (filters.about_this_document, "asks_about_document", "이 문서의 요지", "어린이 글짓기 대회를 열려면"),
    (filters.not_copied(PASSAGES, 10), "copies_passage", BODY[:20], "우물 고칠 돈은 누가 내나요"),
    (filters.not_in(frozenset({fold("우물은 누가 고치나")})), "test_query", "우물은  누가 고치나", "우물은 누가 고쳐요"),
    (filters.found_again({"q": ["x"]}, {"p": frozenset({"p", "twin"})}), "round_trip", "우물", None),
    (filters.found_again({"q": ["x", "twin"]}, {"p": frozenset({"p", "twin"})}), None, None, "우물"),
    (filters.found_again({}, {"p": frozenset({"p"})}), "round_trip", "우물", None),
]


@pytest.mark.parametrize(("check", "reason", "bad", "good"), CASES)
def test_a_filter_fires_on_what_it_is_for_and_stays_silent_otherwise(check, reason, bad, good) -> None:
    assert bad is None or check(question(bad)) == reason
    assert good is None or check(question(good)) == ""


def test_spaces_do_not_hide_a_copy() -> None:
    assert filters.not_copied(PASSAGES, 10)(question(" ".join(BODY[:20]))) == "copies_passage"


def test_the_length_of_a_copy_is_counted_to_the_letter() -> None:
    run = fold(BODY)[:11]

    assert filters.not_copied(PASSAGES, 10)(question(run)) == "copies_passage"
    assert filters.not_copied(PASSAGES, 11)(question(run)) == ""


def test_repeated_questions_are_counted_and_the_first_stays() -> None:
    kept, dropped = filters.apply(
        [question("우물 비용", "1"), question("우물비용", "2"), question("x", "3")], [filters.in_korean]
    )

    assert [q.question_id for q in kept] == ["1"]
    assert dropped == {"duplicate": 1, "not_korean": 1}


def test_a_question_is_counted_under_the_first_reason_only() -> None:
    kept, dropped = filters.apply([question("x")], [filters.length_between(5, 9), filters.in_korean])

    assert not kept
    assert dropped == {"too_short": 1}
