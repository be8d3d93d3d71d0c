"""Prompts: Korean texts in files, each with a version; who changes one pays for its answers anew. The judge's are here.

A passage goes into a prompt as data: between marks that it can't contain, after the words that say so.
"""

import re
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from string import Template

from haechi.runtime.errors import HaechiError

_HEAD = re.compile(r"---\nversion: (\d+)\n---\n", re.ASCII)
_HARMLESS = r"〈\1\2〉"
_MARKS = re.compile(r"[<＜]\s*(/?)\s*(지문|예시|질문)\s*[>＞]")


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


def quoted(mark: str, text: str) -> str:
    """A text between marks; whatever in it looks like a mark becomes harmless brackets."""
    return f"<{mark}>\n{_MARKS.sub(_HARMLESS, text)}\n</{mark}>"


def judging(question: str, text: str) -> list[dict[str, str]]:
    """The conversation that asks whether a text answers a question."""
    parts = [quoted("지문", text), quoted("질문", question), prompt("judge").text]
    return [said("system", prompt("judge_system").text), said("user", "\n\n".join(parts))]


def said(role: str, content: str) -> dict[str, str]:
    """One turn of a conversation."""
    return {"role": role, "content": content}
