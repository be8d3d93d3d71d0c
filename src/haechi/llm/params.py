"""Parameters of the language model that writes and judges questions; where it is and how fast to ask is in HAECHI_LLM_*."""

from dataclasses import dataclass
from typing import Annotated, Literal

from msgspec import Meta

from haechi.runtime.param_types import Count, NonNegativeFloat, Positive, Share

Style = Literal["fact", "detail", "whole", "comparison", "inference", "situation", "keyword", "multi_turn", "cross_language"]
CROSS_LANGUAGE: Style = "cross_language"
"""Questions in the other language, English or Korean, than their passage's."""


@dataclass(frozen=True)
class LlmParams:
    """How a language model is asked: where generate_qa.generator is `openai`, judge_threshold above 0, or mine.promote `llm`."""

    model: str
    """The model, as its endpoint calls it."""
    temperature: Annotated[float, Meta(ge=0.0, le=2.0)]
    """Randomness of its choices; 0 takes the likeliest."""
    top_p: Annotated[float, Meta(gt=0.0, le=1.0)]
    """Only the likeliest words that make up this share are drawn from."""
    max_tokens: Positive
    """Longest answer."""
    json_schema: bool
    """Ask for JSON of a given shape; an endpoint that refuses this is asked without."""
    attempts: Annotated[int, Meta(ge=1, le=5)]
    """Answers asked for until one can be read. Each is paid for and kept."""
    styles: dict[Style, NonNegativeFloat]
    """Share of each style among the questions asked for; shares are relative to their sum."""
    window_chars: Annotated[int, Meta(ge=100)]
    """Characters of a passage that one call sees."""
    examples: Count
    """Queries of real users, from the training part, that each prompt shows."""
    max_failed_share: Share
    """The stage goes on if at most this share of the calls got no answer in the end; those are tried again by the next run."""
    judge_threshold: Annotated[int, Meta(ge=0, le=10)]
    """Questions that the judge rates lower (of 10: can the passage answer it?) are dropped; 0 asks no judge."""
    judge_model: str
    """The model that judges; empty for the one that writes."""
    test_model: str
    """The model that writes the questions of test and validation (`testset.writer: openai`); empty for the one that writes."""
