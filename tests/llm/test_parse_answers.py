"""Whatever a model writes, the questions in it are found; what holds none gives none."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from haechi.llm.parse_answers import LONGEST_QUESTION, Read, read_questions, read_score

ONE, TWO, THREE = "상속을 포기하려면 언제까지 신고해야 하나요?", "담장 높이 제한 기준", '"점유자"란 누구인가요?'
JSON = json.dumps({"questions": [{"question": q, "answer": "삼십일 이내"} for q in (ONE, TWO, THREE)]}, ensure_ascii=False)
ASKED = [ONE, TWO, '점유자"란 누구인가요?']  # quotation marks around a question go, these stood at its edge
LIST = (ONE, TWO, "점유자란 누구인가요?")

FORMS = {
    "as asked for": JSON,
    "in a code fence": f"```json\n{JSON}\n```",
    "in a fence that is not closed": f"```\n{JSON}",
    "with prose around": f"네, 알겠습니다. 질문은 다음과 같습니다.\n\n{JSON}\n\n도움이 되었기를 바랍니다.",
    "after a thought": f'<think>{{"questions": ["이것은 생각일 뿐인가요?"]}} 음…</think>\n{JSON}',
    "with trailing commas": JSON.replace("}]}", "},]},").removesuffix(","),
    "with line breaks in strings": JSON.replace("신고해야", "\n신고해야"),
    "indented": json.dumps(json.loads(JSON), indent=4),
    "as a list of texts": json.dumps([ONE, TWO, THREE]),
    "under another name": json.dumps({"질문": [{"질문": q} for q in (ONE, TWO, THREE)]}, ensure_ascii=False),
    "one key a question": json.dumps({"question1": ONE, "question2": TWO, "question3": THREE}),
}
LISTS = {
    "numbered": "1. {}\n2. {}\n3. {}",
    "numbered with prose": "다음은 질문입니다:\n\n1) {}\n2) {}\n3) {}\n\n감사합니다.",
    "bulleted": "- {}\n- {}\n- {}",
    "starred and bold": "* **{}**\n* **{}**\n* **{}**",
    "labelled": "질문 1: {}\n질문 2: {}\n질문 3: {}",
    "Q": "Q1. {}\nQ2. {}\nQ3. {}",
    "quoted": '1. "{}"\n2. "{}"\n3. "{}"',
}


@pytest.mark.parametrize("form", FORMS)
def test_json_is_read_as_models_write_it(form: str) -> None:
    assert [read.question for read in read_questions(FORMS[form])] == ASKED


@pytest.mark.parametrize("form", LISTS)
def test_lists_are_read_where_there_is_no_json(form: str) -> None:
    assert [read.question for read in read_questions(LISTS[form].format(*LIST))] == list(LIST)


def test_the_words_that_answer_come_along() -> None:
    assert read_questions(JSON)[0] == Read(ONE, "삼십일 이내")
    assert read_questions(json.dumps([{"question": ONE}])) == [Read(ONE, "")]


def test_plain_lines_count_if_they_ask() -> None:
    assert [read.question for read in read_questions(f"{ONE}\n그 밖의 말.\n{LIST[2]}")] == [ONE, LIST[2]]


@pytest.mark.parametrize("cut_at", range(20, len(JSON) - 4, 7))
def test_a_cut_answer_keeps_its_whole_questions_alone(cut_at: int) -> None:
    """The last one may be half a question, so it goes."""
    read = [read.question for read in read_questions(JSON[:cut_at], cut=True)]

    assert read == ASKED[: len(read)]
    assert len(read) >= sum(JSON.index(q[:5]) + 100 < cut_at for q in (ONE, TWO)) - 1


@pytest.mark.parametrize(
    "text",
    [
        "",
        " \n ",
        "죄송하지만 도와 드릴 수 없습니다.",
        "{}",
        "[]",
        '{"questions": []}',
        '{"questions": null}',
        "null",
        "{",
        "[[[[",
        "```json\n```",
        '{"questions": [{"question": ""}]}',
        '{"questions": [1, 2]}',
        "\ufffd\ufffd qzk ##",
        "<think>질문이 뭐지?",
    ],
)
def test_what_asks_nothing_gives_nothing(text: str) -> None:
    assert read_questions(text) == []


@given(st.text(max_size=300))
def test_no_text_is_too_strange(text: str) -> None:
    for read in read_questions(text):
        assert read.question == read.question.strip()
        assert read.question
        assert "\n" not in read.question
        assert not any(ord(char) < 32 for char in read.question)
    read_score(text)


@given(
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.text(max_size=9),
        lambda inner: (
            st.lists(inner, max_size=4)
            | st.dictionaries(st.sampled_from(["questions", "question", "질문", "x"]), inner, max_size=3)
        ),
        max_leaves=12,
    )
)
def test_no_json_is_too_strange(value: object) -> None:
    for read in read_questions(json.dumps(value)):
        assert read.question


@given(
    st.lists(
        st.text("가나다라마바사 ABC?!.,()[]{}<>\\/'", min_size=3, max_size=60).filter(lambda t: any(c.isalpha() for c in t)),
        min_size=1,
        max_size=5,
        unique=True,
    )
)
def test_well_formed_answers_come_back_whole(texts: list[str]) -> None:
    """Each question as it was written, less what `clean` takes from any text and the quotation marks around it."""
    plain = [read.question for read in read_questions(json.dumps({"questions": [{"question": t} for t in texts]}))]
    fenced = [read.question for read in read_questions("물론입니다!\n```json\n" + json.dumps({"questions": texts}) + "\n```")]

    assert plain == fenced
    for text, read in zip(texts, plain, strict=False):
        assert set(read) <= set(text)


@pytest.mark.parametrize("size", [20_000, 3_000_000])
def test_absurd_answers_end_soon(size: int) -> None:
    for unit in ("가", "[", '{"a":', '{"question": "가?"},', "1. 무엇인가요?\n", '"', "\\", "<think>"):
        found = read_questions((unit * (size // len(unit)))[:20_000])
        assert all(len(read.question) <= LONGEST_QUESTION for read in found)


def test_control_characters_and_lone_surrogates_go() -> None:
    text = '{"questions": ["\\u0000기한은\\u0007 언제\\ud800까지\\u202e인가요?"]}'
    (read,) = read_questions(text)

    assert read.question.encode()
    assert read.question.startswith("기한은 언제까지")
    assert not any(ord(char) < 32 for char in read.question)


@pytest.mark.parametrize(
    ("text", "score"),
    [
        ('{"score": 8}', 8.0),
        ('{"score": "8"}', 8.0),
        ('{"score": 7.5}', 7.5),
        ('```json\n{"score": 10}\n```', 10.0),
        ("점수: 6", 6.0),
        ("Score = 3 입니다", 3.0),
        ("9", 9.0),
        ("9/10", 9.0),
        ("7점", 7.0),
        ('{"score": 0', 0.0),
        ('<think>{"score": 1}</think>{"score": 9}', 9.0),
        ('{"score": 11}', None),
        ('{"score": -1}', None),
        ('{"score": true}', None),
        ("", None),
        ("아주 좋습니다", None),
        ("지문 3개와 질문 2개", None),
        ("score: 99999", None),
    ],
)
def test_scores(text: str, score: float | None) -> None:
    assert read_score(text) == score
