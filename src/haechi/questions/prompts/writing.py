"""The prompts that ask for questions, in files beside this module."""

from collections.abc import Sequence

from haechi.llm.prompts import Prompt, marks_of, prompt, quoted, said, spoken
from haechi.text.language import Language


def _own(name: str, of: Language) -> Prompt:
    return prompt(spoken(name, of), __package__)


HELD_OUT = "held_out"
"""The style of questions for test and validation; its system prompt is another too."""


def writing(style: str, window: str, of: Language, count: int, examples: Sequence[str]) -> list[dict[str, str]]:
    """The conversation that asks, in the language of the passage, for questions of one style on a piece of it."""
    parts = [quoted(marks_of(of).passage, window)]
    if examples:
        shown = quoted(marks_of(of).examples, "\n".join(f"- {' '.join(example.split())}" for example in examples))
        parts += [_own("examples", of).text, shown]
    parts.append(_own(style, of).filled(count=count))
    # The passage first: servers that keep the beginning of a prompt read it once for all styles.
    return [said("system", _own(_system(style), of).text), said("user", "\n\n".join(parts))]


def versions(style: str, of: Language) -> dict[str, int]:
    """The versions of the prompts that ask for questions of one style."""
    return {spoken(name, of): _own(name, of).version for name in (_system(style), "examples", style)}


def _system(style: str) -> str:
    return f"{HELD_OUT}_system" if style == HELD_OUT else "system"
