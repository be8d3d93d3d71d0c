"""Parameters of the preprocess stage."""

from dataclasses import dataclass
from typing import Literal

from haechi.runtime.param_types import Positive, Share


@dataclass(frozen=True)
class PreprocessParams:
    """How raw documents are cut into passages."""

    granularity: Literal["item", "paragraph", "article", "window"]
    """Unit of a law or rule passage: 호, 항, 조, or windows of max_chars over an article. Gold stays the article in all four."""
    max_chars: Positive
    """Longest body of a passage in characters; longer ones are cut at sentence ends."""
    annexes: bool
    """Whether annexes (별표) become passages; forms (서식) never do."""
    addenda: bool
    """Whether supplementary provisions (부칙) become passages."""
    max_bad_share: Share
    """The stage stops when more than this share of raw files is unreadable."""
