"""Parameters of the base model."""

from dataclasses import dataclass

from haechi.params.types import Positive, PositiveFloat, Seed


@dataclass(frozen=True)
class ModelParams:
    """Which model is tuned; the lower half shapes the embedded one only."""

    base: str
    """`embedded`, an alias of the registry, a hub id, or a local folder."""
    max_length: Positive
    """Tokens of a text that the model reads."""
    seed: Seed
    """Draws the embedded table."""
    vocab_size: Positive
    """Pieces of the embedded tokenizer."""
    dim: Positive
    """Width of the embedded table."""
    scale: PositiveFloat
    """Standard deviation of the embedded table; cosine ignores it, the reach of a learning rate does not."""
