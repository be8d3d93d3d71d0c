"""Parameters of the preprocess stage."""

from dataclasses import dataclass
from typing import Literal

from haechi.runtime.param_types import Count, Positive, Share


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
    overlap_chars: Count = 0
    """How many characters of last sentences a passage of a document repeats of the one before; at most half of max_chars."""
    document_gold: Literal["document", "section"] = "document"
    """What answers a question about a document: the whole document, or the section below one of its headings."""

    def __post_init__(self) -> None:
        if 2 * self.overlap_chars > self.max_chars:
            raise ValueError(f"overlap_chars is {self.overlap_chars}, more than half of max_chars ({self.max_chars})")
