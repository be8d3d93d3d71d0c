"""The prompts: Korean texts in files beside this module, each with a version; whoever changes one pays for its answers anew.

A passage goes into a prompt as data: between marks that it can't contain, after the words that say so.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from string import Template

from haechi.errors import HaechiError

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
def prompt(name: str) -> Prompt:
    """The prompt of that name."""
    file = files(__package__) / f"{name}.md"
    whole = file.read_text(encoding="utf-8")
    head = _HEAD.match(whole)
    if not head:
        raise HaechiError(f"{file}: a prompt begins with a line `---`, a line `version: N` and a line `---`")
    return Prompt(name, int(head.group(1)), whole[head.end() :].strip())


def quoted(mark: str, text: str) -> str:
    """A text between marks; whatever in it looks like a mark becomes harmless brackets."""
    return f"<{mark}>\n{_MARKS.sub(_HARMLESS, text)}\n</{mark}>"


def writing(style: str, window: str, count: int, examples: Sequence[str]) -> list[dict[str, str]]:
    """The conversation that asks for questions of one style on a piece of a passage."""
    parts = [quoted("지문", window)]
    if examples:
        parts += [prompt("examples").text, quoted("예시", "\n".join(f"- {' '.join(example.split())}" for example in examples))]
    parts.append(prompt(style).filled(count=count))
    # The passage first: servers that keep the beginning of a prompt read it once for all styles.
    return [_said("system", prompt("system").text), _said("user", "\n\n".join(parts))]


def judging(question: str, text: str) -> list[dict[str, str]]:
    """The conversation that asks whether a text answers a question."""
    parts = [quoted("지문", text), quoted("질문", question), prompt("judge").text]
    return [_said("system", prompt("judge_system").text), _said("user", "\n\n".join(parts))]


def versions(style: str) -> dict[str, int]:
    """The versions of the prompts that ask for questions of one style."""
    return {name: prompt(name).version for name in ("system", "examples", style)}


def _said(role: str, content: str) -> dict[str, str]:
    return {"role": role, "content": content}
