"""Conversations in, submissions out: what is read, what can't be answered and why, and what is written."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from haechi.runtime.errors import BadRecord, HaechiError
from haechi.runtime.files import read_records
from haechi.serving.engine import LONGEST

ROLES = ("user", "assistant", "system")
MOST = 5
"""Passages of a submission."""

Outcome = Literal["found", "nothing", "talk", "unreadable", "failed"]
"""Passages were found; nothing was; no search was needed; the conversation can't be read; the language model never answered."""

SENTENCES = {
    "no_turns": "대화가 비어 있습니다.",
    "blank": "질문이 비어 있습니다.",
    "unknown_role": f"대화에 알 수 없는 역할이 있습니다({', '.join(ROLES)}만 읽습니다).",
    "ends_with_assistant": "마지막 말이 사용자의 말이 아니어서 답할 질문이 없습니다.",
    "too_long": f"질문이 {LONGEST:,}자보다 깁니다. 줄여서 다시 물어 주세요.",
}
"""Why a conversation can't be answered -> what is answered instead."""


@dataclass(frozen=True, slots=True)
class Turn:
    """What one side said."""

    role: str
    content: str


@dataclass(frozen=True, slots=True)
class Conversation:
    """A line of the input: `{eval_id, msg: [{role, content}]}`."""

    eval_id: int | str
    msg: tuple[Turn, ...]

    @property
    def last(self) -> str:
        """What was said last."""
        return self.msg[-1].content.strip()

    @property
    def before(self) -> tuple[str, ...]:
        """What the user said earlier, the oldest first."""
        return tuple(turn.content for turn in self.msg[:-1] if turn.role == "user")


@dataclass(frozen=True, slots=True)
class Submission:
    """A line of the output."""

    eval_id: int | str
    topk: tuple[str, ...]
    answer: str = ""
    standalone_query: str = ""


@dataclass(frozen=True, slots=True)
class Cited:
    """A passage of an answer."""

    number: int
    """As the answer cites it: [1] is the first."""
    id: str
    """As the submission names it: a document's own id, else the article's key."""
    passage: str
    name: str
    page: int
    score: float
    text: str
    ranks: Mapping[str, int]
    signals: Mapping[str, float]
    begin: int = 0
    """Where the quoted sentence stands in the passage; both 0 where none is quoted."""
    end: int = 0


@dataclass(frozen=True, slots=True)
class Reply:
    """All that is known of one answer: the richer record."""

    eval_id: int | str
    outcome: Outcome
    standalone_query: str
    answer: str
    passages: tuple[Cited, ...] = ()
    queries: tuple[str, ...] = ()
    gate: Mapping[str, float] = field(default_factory=dict)
    """How likely it is talk, and a question that the corpus can't answer."""
    reason: str = ""
    """Why it can't be read, or which call of the language model failed."""

    @property
    def submission(self) -> Submission:
        """What a competition reads."""
        return Submission(self.eval_id, tuple(one.id for one in self.passages), self.answer, self.standalone_query)


def question(text: str) -> Conversation:
    """One question as a conversation."""
    return Conversation("1", (Turn("user", text),))


def read_conversations(path: Path) -> list[Conversation]:
    """All of a file, in its order; an id that occurs twice is an error, since answers are told apart by it."""
    found: dict[str, Conversation] = {}
    for number, one in enumerate(read_records(path, Conversation), start=1):
        if found.setdefault(str(one.eval_id), one) is not one:
            raise BadRecord(path, number, "each eval_id once", f"{one.eval_id} again")
    if not found:
        raise HaechiError(f"{path}: holds no conversation; write a line `{{eval_id, msg: [{{role, content}}]}}` for each")
    return list(found.values())


def unreadable(one: Conversation) -> str:
    """Why a conversation can't be answered; empty where it can."""
    if not one.msg:
        return "no_turns"
    if any(turn.role not in ROLES for turn in one.msg):
        return "unknown_role"
    if one.msg[-1].role != "user":
        return "ends_with_assistant"
    return "blank" if not one.last else "too_long" if len(one.last) > LONGEST else ""


def written(reply: Reply) -> dict[str, object]:
    """A reply as a line of the output."""
    return written_line(reply.submission)


def written_line(line: Submission) -> dict[str, object]:
    """A line of the output in the order of the competition's fields; an empty question is left out, as it has it."""
    said = {"standalone_query": line.standalone_query} if line.standalone_query else {}
    return {"eval_id": line.eval_id, **said, "topk": line.topk, "answer": line.answer}
