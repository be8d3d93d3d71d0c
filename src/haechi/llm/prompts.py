"""Prompts: texts in files, each with a version; who changes one pays for its answers anew. The judge's are here.

Each stands in Korean (`judge.md`) and in English (`judge.en.md`); the language of the passage decides which is used.

A passage goes into a prompt as data: between marks that it can't contain, after the words that say so.
"""

import re
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from string import Template
from typing import NamedTuple

from haechi.runtime.errors import HaechiError
from haechi.text.language import Language, language

_HEAD = re.compile(r"---\nversion: (\d+)\n---\n", re.ASCII)
_HARMLESS = r"〈\1\2〉"


class Marks(NamedTuple):
    """Between which words the parts of a prompt stand."""

    passage: str
    examples: str
    question: str


MARKS = {"ko": Marks("지문", "예시", "질문"), "en": Marks("passage", "examples", "question")}


@dataclass(frozen=True, slots=True)
class Prompt:
    """A text with places ($count, $question) to be filled."""

    name: str
    version: int
    text: str

    def filled(self, **values: object) -> str:
        """The text with its places filled."""
        return Template(self.text).substitute(values)


@cache
def prompt(name: str, package: str = __package__) -> Prompt:
    """The prompt of that name, beside the modules of a package; the judge's lie here."""
    file = files(package) / f"{name}.md"
    whole = file.read_text(encoding="utf-8")
    head = _HEAD.match(whole)
    if not head:
        raise HaechiError(f"{file}: a prompt begins with a line `---`, a line `version: N` and a line `---`")
    return Prompt(name, int(head.group(1)), whole[head.end() :].strip())


def spoken(name: str, of: Language) -> str:
    """The name of a prompt in a language; texts in an unknown one get the Korean."""
    return f"{name}.en" if of == "en" else name


def marks_of(of: Language) -> Marks:
    """The marks of the prompts in a language."""
    return MARKS["en" if of == "en" else "ko"]


def quoted(mark: str, text: str) -> str:
    """A text between marks; whatever in it looks like a mark of that language becomes harmless brackets."""
    marks = next(marks for marks in MARKS.values() if mark in marks)
    looks_like_one = re.compile(rf"[<＜]\s*(/?)\s*({'|'.join(marks)})\s*[>＞]", re.IGNORECASE)
    return f"<{mark}>\n{looks_like_one.sub(_HARMLESS, text)}\n</{mark}>"


def judging(question: str, text: str) -> list[dict[str, str]]:
    """The conversation that asks whether a text answers a question, in the text's language."""
    of = language(text)
    parts = [quoted(marks_of(of).passage, text), quoted(marks_of(of).question, question), prompt(spoken("judge", of)).text]
    return [said("system", prompt(spoken("judge_system", of)).text), said("user", "\n\n".join(parts))]


def judging_versions(text: str) -> dict[str, int]:
    """The versions of the prompts that ask about a text."""
    names = [spoken(name, language(text)) for name in ("judge_system", "judge")]
    return {name: prompt(name).version for name in names}


def said(role: str, content: str) -> dict[str, str]:
    """One turn of a conversation."""
    return {"role": role, "content": content}
