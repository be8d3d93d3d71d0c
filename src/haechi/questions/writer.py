"""What any writer of questions gives, and takes."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Protocol

from haechi.records.passage import Passage
from haechi.records.question import Question

if TYPE_CHECKING:
    from haechi.questions.words import Words


@dataclass(frozen=True)
class Drafts:
    """What a writer wrote, not yet filtered, and what it wants counted: calls, failures by reason."""

    questions: Sequence[Question]
    counts: dict[str, object] = field(default_factory=dict)


class Writer(Protocol):
    """Whoever writes questions: the offline one, or one that asks a model.

    Ids are hashes of the passage's id and the question. A passage may get fewer than asked for, or none: why is the writer's to
    count. The same passages in any order give the same questions in any order.
    """

    def __call__(self, passages: Sequence[Passage], words: "Words") -> Drafts:
        """Questions on these passages; who analyses them does it through `words`, so that it is done once."""
        ...
