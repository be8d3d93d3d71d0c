"""Parameters of the generate_qa stage."""

from dataclasses import dataclass
from typing import Literal

from haechi.params.types import Count, Positive, QuestionsPerText, Seed


@dataclass(frozen=True)
class GenerateQaParams:
    """How questions are written and filtered."""

    seed: Seed
    """Draws wording and dropped key words."""
    generator: Literal["offline"]
    """`offline` writes questions from the structure of a passage; it needs no model."""
    questions_per_passage: QuestionsPerText
    """Questions asked of each passage, before filters."""
    min_chars: Positive
    """Shorter questions are dropped."""
    max_chars: Positive
    """Longer questions are dropped."""
    max_copied_chars: Positive
    """Questions that copy a longer run of the passage are dropped."""
    round_trip_k: Count
    """Keep a question only if BM25 finds its passage in the first k; 0 keeps all."""
