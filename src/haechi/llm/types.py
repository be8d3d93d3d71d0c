"""What goes to a model and what comes back."""

from collections.abc import Mapping
from dataclasses import dataclass

Message = Mapping[str, str]

ADAPTED = "adapted"
"""Reason of a trouble that is none: the client knows the endpoint better now and should be asked again."""


@dataclass(frozen=True, slots=True)
class Model:
    """A model and its decoding parameters."""

    name: str
    temperature: float
    top_p: float
    max_tokens: int


@dataclass(frozen=True, slots=True)
class Usage:
    """Tokens of one call."""

    tokens_in: int
    tokens_out: int

    @property
    def tokens(self) -> int:
        """Both together."""
        return self.tokens_in + self.tokens_out


@dataclass(frozen=True, slots=True)
class Answer:
    """What a model said, cut where it is absurdly long; the usage is estimated where the endpoint doesn't tell it."""

    text: str
    finish: str
    """`stop`, `length` where the answer was cut, or what else the endpoint says."""
    usage: Usage | None


@dataclass(frozen=True, slots=True)
class Trouble:
    """A request without an answer."""

    reason: str
    """One of a few, so that it can be counted."""
    detail: str = ""
    """What the server said, key and address taken out."""
    again: bool = False
    """Another try may help."""
    wait: float = 0.0
    """Seconds that the server wants to be left alone."""
    fatal: bool = False
    """No request can succeed: the run ends."""
    unheard: bool = False
    """Nobody answers at the address."""
