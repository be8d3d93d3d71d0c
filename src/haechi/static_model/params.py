"""Parameters of the base model."""

from dataclasses import dataclass

from haechi.runtime.param_types import Count, Positive, PositiveFloat, Seed


@dataclass(frozen=True)
class ModelParams:
    """Which model is tuned; the lower half shapes the static one only."""

    base: str
    """`static`, an alias of the registry, a hub id, or a local folder."""
    max_length: Positive
    """Tokens of a text that the model reads."""
    seed: Seed
    """Draws where the search for the static vectors begins."""
    vocab_size: Positive
    """Pieces of the static tokenizer."""
    phrase_uses: Count
    """Uses from which a phrase is a piece of its own; 0 makes none."""
    phrase_words: Positive
    """Most words of a phrase; 1 makes none."""
    dim: Positive
    """Width of the static table."""
    scale: PositiveFloat
    """Standard deviation of the static table; cosine ignores it, the reach of a learning rate does not."""
    query_length: Count = 0
    """Tokens of a query that a transformer reads, where that is fewer than of a passage; 0 for as many. Exports read
    both alike."""
