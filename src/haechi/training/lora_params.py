"""Parameters of low-rank adapters."""

from dataclasses import dataclass

from haechi.runtime.param_types import Count, Positive, Share


@dataclass(frozen=True)
class LoraParams:
    """Adapters that are trained instead of the weights and merged into them when a model is saved."""

    rank: Count
    """Rank of the adapters; 0 trains the weights themselves."""
    alpha: Positive
    """Adapters are scaled by alpha / rank."""
    dropout: Share
    """Share of an adapter's inputs that a step leaves out."""
    targets: tuple[str, ...]
    """Names of the layers that get one; empty takes those of the registry."""
