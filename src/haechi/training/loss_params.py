"""Parameters of the training loss."""

from dataclasses import dataclass
from typing import Literal

from haechi.runtime.param_types import Count, NonNegativeFloat, PositiveFloat


@dataclass(frozen=True)
class LossParams:
    """What training minimises; only the sentence-transformers engine reads it."""

    name: Literal["infonce", "guided", "triplet", "margin_mse", "kl"]
    """Softmax over the batch; the same without what a guide finds too near; semi-hard triplets;
    or one of two ways to follow the scores of the mined file."""
    mini_batch: Count
    """Texts embedded at once, with cached gradients: a large batch fits a small memory, the result stays; 0 embeds it whole."""
    margin: NonNegativeFloat
    """Of a triplet: how much nearer the positive should be.
    Of the guide: how far below the positive a candidate must stay to count as negative."""
    guide: str
    """Model of the guided loss, by alias, hub id or folder; empty takes the base as it was before training."""
    teacher_temperature: PositiveFloat
    """Scores of the mined file are divided by it before the softmax of kl."""
    dims: tuple[Count, ...]
    """Shorter widths that must work too (Matryoshka): the loss is the mean over them and the full width."""
