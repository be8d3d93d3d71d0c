"""What is read and written, and what can't be answered."""

import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from haechi.answering.conversations import (
    SENTENCES,
    Cited,
    Conversation,
    Reply,
    Submission,
    Turn,
    question,
    read_conversations,
    unreadable,
    written,
)
from haechi.runtime.errors import BadRecord, HaechiError
from haechi.runtime.files import read_records, write_jsonl


def said(*turns: tuple[str, str]) -> Conversation:
    return Conversation(1, tuple(Turn(*turn) for turn in turns))


@pytest.mark.parametrize(
    ("one", "reason"),
    [
        (said(), "no_turns"),
        (said(("user", "  \n")), "blank"),
        (said(("robot", "우물"), ("user", "우물은?")), "unknown_role"),
        (said(("user", "우물은?"), ("assistant", "네")), "ends_with_assistant"),
        (said(("user", "우" * 100_000)), "too_long"),
        (said(("system", "짧게"), ("user", "우물은?")), ""),
        (said(("user", "우" * 100_000), ("assistant", "네"), ("user", "우물은?")), ""),
    ],
)
def test_a_conversation_that_can_not_be_answered_has_a_reason_and_a_sentence(one: Conversation, reason: str) -> None:
    assert unreadable(one) == reason
    assert not reason or SENTENCES[reason]


@pytest.mark.parametrize(
    ("lines", "sentence"),
    [
        (
            '{"eval_id": 1, "msg": [{"role": "user"}]}',
            "1: expected a Conversation, found Object missing required field `content`",
        ),
        ('{"eval_id": 1, "msg": "우물"}', "1: expected a Conversation"),
        ("우물", "no JSON"),
        ('{"eval_id": 1, "msg": []}\n{"eval_id": "1", "msg": []}', "2: expected each eval_id once, found 1 again"),
    ],
)
def test_a_line_that_is_no_conversation_is_named(tmp_path: Path, lines: str, sentence: str) -> None:
    (tmp_path / "c.jsonl").write_text(lines, encoding="utf-8")
    with pytest.raises(BadRecord, match=sentence.replace("`", ".")):
        read_conversations(tmp_path / "c.jsonl")


def test_an_empty_file_is_a_sentence(tmp_path: Path) -> None:
    (tmp_path / "c.jsonl").write_text("", encoding="utf-8")
    with pytest.raises(HaechiError, match="holds no conversation"):
        read_conversations(tmp_path / "c.jsonl")


def test_one_question_is_a_conversation() -> None:
    assert (question(" 우물은? ").last, question("우물은?").before) == ("우물은?", ())


@given(st.text(max_size=30), st.lists(st.text(st.characters(codec="utf-8"), min_size=1, max_size=5), max_size=5, unique=True))
def test_a_submission_is_read_as_it_was_written(text: str, ids: list[str]) -> None:
    text = text.encode(errors="ignore").decode()
    passages = tuple(Cited(n, id, id, "", 0, 1.0, "", {}, {}) for n, id in enumerate(ids, start=1))
    reply = Reply(7, "found", text, text, passages)
    line = json.loads(json.dumps(written(reply)))

    assert ("standalone_query" in line) == bool(text)
    assert list(line)[-2:] == ["topk", "answer"]
    assert Submission(line["eval_id"], tuple(line["topk"]), line["answer"], line.get("standalone_query", "")) == reply.submission


def test_a_file_of_submissions_can_be_read_again(tmp_path: Path) -> None:
    write_jsonl(tmp_path / "s.jsonl", [written(Reply("a", "talk", "", "반갑습니다"))])
    assert list(read_records(tmp_path / "s.jsonl", Submission)) == [Submission("a", (), "반갑습니다")]
