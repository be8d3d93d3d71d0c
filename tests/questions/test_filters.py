from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st
from small_law import passage
from strategies import words

from haechi.questions import filters
from haechi.records.question import Question
from haechi.text.near_duplicates import grams, jaccard
from haechi.text.normalize import fold

BODY = "마을 회의는 우물을 고칠 때에 그 비용을 이웃에게 고루 나눈다."
PASSAGES = {"p": passage("p", f"마을법 제4조(우물)\n{BODY}"), "r": passage("r", "마을법 제5조\n담장을 고친다.")}


def question(text: str, id: str = "q", answer: str = "", passage_id: str = "p") -> Question:
    return Question(id, passage_id, passage_id, text, "plain", "offline", "duty", answer)


CASES = [
    (filters.not_empty, "empty", "", "우물"),
    (filters.not_empty, "empty", " ?! ", "3"),
    (filters.plain_text, "not_plain_text", "우물은\n누가 고치나", "우물은 누가 고치나"),
    (filters.plain_text, "not_plain_text", "우물은\x07 누가", "LPG는 50% 안전한가요?"),
    (filters.plain_text, "not_plain_text", '{"question": "우물"}', "우물(샘)은 누가 고치나"),
    (filters.plain_text, "not_plain_text", "**우물**은 누가", "우물은 2*3인가요"),
    (filters.plain_text, "not_plain_text", "https://a.example 우물", "우물 https"),
    (filters.plain_text, "not_plain_text", "우물\u200b은 누가", "‘우물’은 누가"),
    (filters.length_between(5, 12), "too_short", "우물", "우물은 누가 고치나"),
    (filters.length_between(5, 12), "too_long", "우물을 고치는 데에 드는 비용은", "우물은 누가 고치나"),
    (filters.in_language({"p": "ko"}), "other_language", "who mends 우물", "우물 LPG 비용은"),
    (filters.in_language({"p": "ko"}), "other_language", "123 ?!", "우물 3개"),
    (filters.in_language({"p": "en"}), "other_language", "우물 LPG 비용은", "who mends the well"),
    (filters.in_language({"p": "en"}), "other_language", "123 ?!", "well keeper"),
    (filters.about_this_document, "asks_about_document", "이 조문은 무엇을 정하나요", "우물은 무엇인가요"),
    (filters.about_this_document, "asks_about_document", "위 글의 요지", "공무원이 문서를 위조하면 어떻게 되나요"),
    (filters.about_this_document, "asks_about_document", "이 문서의 요지", "어린이 글짓기 대회를 열려면"),
    (filters.about_this_document, "asks_about_document", "본문에 따르면 우물은", "계약서 본문이 다르면 어떻게 되나요"),
    (filters.about_this_document, "asks_about_document", "제시된 지문에서 우물은", "기준이 제시된 적이 있나요"),
    (filters.about_this_document, "asks_about_document", "What does this section lay down?", "What is the section chief's duty?"),
    (
        filters.about_this_document,
        "asks_about_document",
        "According to the passage, who digs?",
        "Who may pass the passage to the well?",
    ),
    (filters.not_copied(PASSAGES, 10), "copies_passage", BODY[:20], "우물 고칠 돈은 누가 내나요"),
    (filters.unlike([BODY], [question("우물은 누가 고쳐요")], 0.8), "test_query", None, "우물은 누가 고쳐요"),
    (filters.found_again({}, 20), "round_trip", "우물", None),
    (filters.found_again({"q": 21}, 20), "round_trip", "우물", None),
    (filters.found_again({"q": 20}, 20), "round_trip", None, "우물"),
    (filters.answerable({"q": 4.0}, 5), "unanswerable", "우물", None),
    (filters.answerable({"q": 5.0}, 5), "unanswerable", None, "우물"),
    (filters.answerable({"q": None}, 5), "unanswerable", None, "우물"),
    (filters.answerable({}, 5), "unanswerable", None, "우물"),
]


@pytest.mark.parametrize(("check", "reason", "bad", "good"), CASES)
def test_a_filter_fires_on_what_it_is_for_and_stays_silent_otherwise(check, reason, bad, good) -> None:
    assert bad is None or check(question(bad)) == reason
    assert good is None or check(question(good)) == ""


@pytest.mark.parametrize(
    ("own", "same", "other"),
    [("ko", "우물은 누가 고치나", "who mends the well"), ("en", "who mends the well", "우물은 누가 고치나")],
)
def test_a_question_across_languages_is_in_the_other_one_and_no_search_must_find_it(own, same, other) -> None:
    def across(text: str) -> Question:
        return replace(question(text), style="cross_language")

    check = filters.in_language({"p": own})
    assert (check(question(same)), check(across(other))) == ("", "")
    assert (check(question(other)), check(across(same))) == ("other_language", "other_language")
    assert filters.found_again({}, 20)(across(other)) == ""


def test_an_answer_must_stand_in_the_passage() -> None:
    check = filters.answered_by(PASSAGES)

    assert check(question("누가 내나", answer="이웃에게 고루 나눈다")) == ""
    assert check(question("누가 내나", answer="이웃 에게고루\n나눈다")) == "", "spaces don't matter"
    assert check(question("누가 내나", answer="")) == "", "a writer that names none is believed"
    assert check(question("누가 내나", answer="나라가 낸다")) == "answer_not_in_passage"


def test_a_test_query_is_known_with_a_word_more() -> None:
    asked = [question("마을 회의는 우물을 고칠 때에 그 비용을 이웃에게 고루 나누나"), question("담장의 높이")]
    check = filters.unlike([BODY], asked, 0.6)

    assert [check(q) for q in asked] == ["test_query", ""]


def test_spaces_do_not_hide_a_copy() -> None:
    assert filters.not_copied(PASSAGES, 10)(question(" ".join(BODY[:20]))) == "copies_passage"


def test_the_length_of_a_copy_is_counted_to_the_letter() -> None:
    run = fold(BODY)[:11]

    assert filters.not_copied(PASSAGES, 10)(question(run)) == "copies_passage"
    assert filters.not_copied(PASSAGES, 11)(question(run)) == ""


@given(st.text(alphabet="우물비용가나 ", max_size=30), st.integers(1, 12))
def test_a_copy_is_the_longest_run_that_both_share(text: str, longest: int) -> None:
    """Held against every pair of places."""
    body, asked = fold(PASSAGES["p"].text), fold(text)
    runs = (asked[i:j] for i in range(len(asked)) for j in range(i + 1, len(asked) + 1))
    copied = max((len(run) for run in runs if run in body), default=0)

    assert bool(filters.not_copied(PASSAGES, longest)(question(text))) == (copied > longest)


def test_every_drop_is_told_once_with_its_first_reason() -> None:
    kept, dropped = filters.apply(
        [question("x", "1"), question("우물은 누가", "2")], [filters.length_between(5, 9), filters.in_language({"p": "ko"})]
    )

    assert [q.question_id for q in kept] == ["2"]
    assert [(q.question_id, q.question, q.reason) for q in dropped] == [("1", "x", "too_short")]
    assert filters.reasons(dropped) == {"too_short": 1}


def test_repetitions_are_told_apart_and_the_first_stays() -> None:
    asked = [
        question("우물을 고치는 비용은 누가 내야 하나요?", "1"),
        question("우물을 고치는  비용은 누가 내야 하나요?", "2"),
        question("우물을 고치는 비용은 누가 내야 하나요", "3"),
        question("우물을 고치는 비용은 누가 내야 하나요!", "4", passage_id="r"),
        question("담장의 높이는 얼마인가요?", "5", passage_id="r"),
    ]
    kept, dropped = filters.unrepeated(asked, PASSAGES, 0.8)

    assert [q.question_id for q in kept] == ["1", "5"]
    assert [q.reason for q in dropped] == ["duplicate", "near_duplicate_in_document", "near_duplicate_across"]


@given(st.lists(words(1, 5), max_size=12))
def test_no_two_kept_questions_are_alike_and_none_is_lost_without_a_like(texts: list[list[str]]) -> None:
    asked = [question(" ".join(text), str(i)) for i, text in enumerate(texts)]
    kept, dropped = filters.unrepeated(asked, PASSAGES, 0.7)
    seen = [grams(q.question) for q in kept]

    assert len(kept) + len(dropped) == len(asked)
    assert all(jaccard(a, b) < 0.7 for i, a in enumerate(seen) for b in seen[:i])
    assert all(any(jaccard(grams(q.question), other) >= 0.7 for other in seen) for q in dropped)
