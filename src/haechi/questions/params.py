"""Parameters of the generate_qa stage."""

from dataclasses import dataclass
from typing import Annotated, Literal

from msgspec import Meta

from haechi.runtime.param_types import Count, NonNegativeFloat, Positive, QuestionsPerText, Seed, Share

Style = Literal["keyword", "plain", "situation", "issue"]


@dataclass(frozen=True)
class GenerateQaParams:
    """How questions are written and filtered."""

    seed: Seed
    """Draws wording and dropped key words."""
    generator: Literal["offline", "openai"]
    """`offline` writes questions from the structure of a passage, without a model; `openai` asks the one in section llm."""
    questions_per_passage: QuestionsPerText
    """Questions asked of each passage, before filters; short passages get fewer."""
    styles: dict[Style, NonNegativeFloat]
    """Offline: share of each style, relative to their sum; 0 or no entry leaves a style out."""
    reworded_share: Share
    """Offline: chance that a legal or learned word which has an everyday counterpart is said in everyday words."""
    min_chars: Positive
    """Shorter questions are dropped."""
    max_chars: Positive
    """Longer questions are dropped."""
    max_copied_chars: Positive
    """Questions that copy a longer run of the passage are dropped."""
    near_duplicate: Annotated[float, Meta(gt=0.0, le=1.0)]
    """Character 5-gram Jaccard at or above which a question repeats another one, or a test query; it is dropped."""
    round_trip: Literal["bm25", "dense"]
    """Which search must find the passage again: BM25, or the untuned base."""
    round_trip_k: Count
    """Keep a question only if its passage is found among the first k; 0 keeps all."""
