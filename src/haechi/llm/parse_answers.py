"""What a model wrote, read with patience: JSON as asked for, JSON as models write it, or a list of lines.

Nothing in an answer is acted on; what can't be read gives no questions, never an error.
"""

import re
from collections.abc import Iterator
from typing import Any, NamedTuple

import json_repair
import orjson

from haechi.text.normalize import one_line

LONGEST_QUESTION = 1_000
"""Characters kept of a question; filters drop those that are too long for a person, but say so."""

_THOUGHT = re.compile(r"<(think|thinking|thought)>.*?(</\1>|\Z)", re.DOTALL | re.IGNORECASE)
_FENCE = re.compile(r"```[a-zA-Z0-9]*\s*\n?(.*?)(?:```|\Z)", re.DOTALL)
_CONTROL = re.compile(r"[\x00-\x09\x0b-\x1f\x7f]+")
_MARK = re.compile(r"^\s*(?:[-*•·▪]|\(?\d{1,3}[.):]|[QqＱ]\d{0,3}[.):]|질문\s*\d{0,3}\s*[.):])\s*(.+)$")
_QUESTION = ("question", "질문", "query", "text", "q")
_ANSWER = ("answer", "답", "답변", "evidence", "근거")
_SCORE = re.compile(r"(?:score|점수)[\"'*\s]*[:=]?[\"'*\s]*(-?\d{1,4}(?:\.\d{1,4})?)", re.IGNORECASE)


class Read(NamedTuple):
    """A question and the words of the passage that answer it, if the model named them."""

    question: str
    answer: str = ""


def read_questions(text: str, cut: bool = False) -> list[Read]:
    """The questions of an answer, each once; `cut` says that the answer ends too soon, perhaps within a question."""
    text = _THOUGHT.sub("", text)
    value, whole = _json(text)
    candidates = list(_questions(value)) if value is not None else [Read(line) for line in _lines(text)]
    if cut and not whole:
        candidates = candidates[:-1]
    clean: dict[str, Read] = {}
    for read in candidates:
        question = _clean(read.question)
        clean.setdefault(question, Read(question, _clean(read.answer)))
    clean.pop("", None)
    return list(clean.values())


def read_score(text: str) -> float | None:
    """The judge's score from 0 to 10; None if there is none."""
    text = _THOUGHT.sub("", text)
    value, _ = _json(text)
    if isinstance(value, dict):
        value = next((value[name] for name in ("score", "점수") if name in value), None)
    if isinstance(value, str) or value is None:
        match = _SCORE.search(text) or re.fullmatch(r"\s*(\d{1,2}(?:\.\d{1,4})?)\s*(?:/\s*10|점)?\s*\.?\s*", text)
        value = float(match.group(1)) if match else None
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    return float(value) if 0 <= value <= 10 else None


def _json(text: str) -> tuple[Any, bool]:
    """The JSON value in a text, and whether it was sound; None if there is none."""
    candidates = [match.strip() for match in _FENCE.findall(text)] if "```" in text else []
    for candidate in (*candidates, text.strip()):
        try:
            value = orjson.loads(candidate)
        except orjson.JSONDecodeError:
            continue
        if isinstance(value, dict | list):
            return value, True
    for candidate in (*candidates, text):
        if match := re.search(r"[{\[]", candidate):
            try:
                value = json_repair.loads(_CONTROL.sub(" ", candidate[match.start() :]))
            except (RecursionError, ValueError, IndexError):
                continue
            if isinstance(value, dict | list) and list(_questions(value)):
                return value, False
            if isinstance(value, dict) and value:
                return value, False
    return None, False


def _questions(value: Any, depth: int = 0) -> Iterator[Read]:
    """Questions wherever a model may put them: a list of texts or objects, under whatever name."""
    if depth > 4:
        return
    if isinstance(value, str):
        yield Read(value)
    elif isinstance(value, list):
        for inner in value:
            yield from _questions(inner, depth + 1)
    elif isinstance(value, dict):
        if named := [value[name] for name in _QUESTION if isinstance(value.get(name), str)]:
            answers = [value[name] for name in _ANSWER if isinstance(value.get(name), str)]
            yield Read(named[0], *answers[:1])
        else:
            for name, inner in value.items():
                if isinstance(inner, list | dict) or "질문" in str(name) or "question" in str(name).lower():
                    yield from _questions(inner, depth + 1)


def _lines(text: str) -> Iterator[str]:
    """Lines of a numbered or bulleted list; without one, lines that end like a question."""
    lines = [line for line in text.replace("```", "").splitlines() if line.strip()]
    marked = [match.group(1) for line in lines if (match := _MARK.match(line))]
    yield from marked or (line for line in lines if line.rstrip(" \"'”’*").endswith("?"))


def _clean(question: str) -> str:
    """One line without control characters, numbering, emphasis and quotation marks around it."""
    line = one_line(question.encode(errors="ignore").decode()[: 2 * LONGEST_QUESTION])
    if match := _MARK.match(line):
        line = match.group(1)
    return line.strip(" \t*_`\"'“”‘’,")[:LONGEST_QUESTION].strip()
