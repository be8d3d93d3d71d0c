"""Calls to a model as rows: what is asked, under which keys the answers lie, and what of them is still missing."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Any, TypeVar

from haechi.llm.budget import about
from haechi.llm.types import Answer, Message, Model, Usage
from haechi.rowstore.encoding import Keys
from haechi.rowstore.namespaces import Namespace
from haechi.rowstore.store import Store

SCHEMA = 1
"""Part of every key: raised when the shape of the values changes."""

_BATCH = 256
_OVERHEAD = 16  # tokens that servers put around the messages of a conversation


@dataclass(frozen=True, slots=True)
class Call:
    """A conversation, and one key for each answer that may be asked for."""

    id: str
    """What it is about, for people."""
    messages: Sequence[Message]
    schema: Mapping[str, object] | None
    """The shape of JSON asked for."""
    keys: tuple[bytes, ...]


C = TypeVar("C", bound=Call)


@dataclass(frozen=True, slots=True)
class Task:
    """What all calls of a stage share."""

    namespace: Namespace
    model: Model
    attempts: int
    """Answers asked for until one can be read."""
    readable: Callable[[Answer], bool]


def keys_of(
    task: Task, messages: Sequence[Message], schema: Mapping[str, object] | None, versions: Mapping[str, int]
) -> tuple[bytes, ...]:
    """The keys of a conversation's answers: everything that determines an answer goes into them, and which attempt it is."""
    keys = Keys(
        {
            "model": task.model.name,
            "temperature": task.model.temperature,
            "top_p": task.model.top_p,
            "max_tokens": task.model.max_tokens,
            "json_schema": schema,
            "versions": dict(versions),
            "messages": list(messages),
            "schema": SCHEMA,
        }
    )
    return tuple(keys.of(attempt=attempt) for attempt in range(task.attempts))


def shape(**properties: object) -> dict[str, object]:
    """The JSON schema of an object with these properties, all of them and no others."""
    return {"type": "object", "properties": properties, "required": list(properties), "additionalProperties": False}


def answered(task: Task, store: Store, calls: Iterable[C]) -> Iterator[tuple[C, list[Answer]]]:
    """Each call with the answers that the store has, up to the first that can be read; a batch is in memory at a time."""
    rest = iter(calls)
    while batch := list(islice(rest, _BATCH)):
        rows = store.get(task.namespace, list({key for one in batch for key in one.keys}))
        for one in batch:
            answers: list[Answer] = []
            for key in one.keys:
                if key not in rows:
                    break
                answers.append(from_row(rows[key]))
                if task.readable(answers[-1]):
                    break
            yield one, answers


def is_done(task: Task, one: Call, answers: Sequence[Answer]) -> bool:
    """Whether nothing more is to be asked: the last answer can be read, or there were as many as allowed."""
    return bool(answers) and (len(answers) == len(one.keys) or task.readable(answers[-1]))


def prompt_tokens(one: Call) -> int:
    """Tokens of a call's prompt, roughly and rather too many."""
    return sum(about(message["content"]) for message in one.messages) + _OVERHEAD


def to_row(answer: Answer, used: Usage) -> dict[str, Any]:
    """The value of a row; usage is what was booked."""
    return {"text": answer.text, "finish": answer.finish, "tokens": [used.tokens_in, used.tokens_out]}


def from_row(row: Mapping[str, Any]) -> Answer:
    """The answer in a row."""
    return Answer(row["text"], row["finish"], Usage(*row["tokens"]))
