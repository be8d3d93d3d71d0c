"""The prompts that ask for questions, in files beside this module."""

from collections.abc import Sequence

from haechi.llm.prompts import Prompt, prompt, quoted, said


def _own(name: str) -> Prompt:
    return prompt(name, __package__)


def writing(style: str, window: str, count: int, examples: Sequence[str]) -> list[dict[str, str]]:
    """The conversation that asks for questions of one style on a piece of a passage."""
    parts = [quoted("지문", window)]
    if examples:
        parts += [_own("examples").text, quoted("예시", "\n".join(f"- {' '.join(example.split())}" for example in examples))]
    parts.append(_own(style).filled(count=count))
    # The passage first: servers that keep the beginning of a prompt read it once for all styles.
    return [said("system", _own("system").text), said("user", "\n\n".join(parts))]


def versions(style: str) -> dict[str, int]:
    """The versions of the prompts that ask for questions of one style."""
    return {name: _own(name).version for name in ("system", "examples", style)}
