"""Which kept checkpoint becomes the model: the best on validation, if it beats the base by enough.

All candidates are scored anew on the same pairs; what training wrote about itself is not taken on trust.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from haechi.params.select import SelectParams


@dataclass(frozen=True)
class Choice:
    """The winner and every candidate's validation score."""

    name: str
    scores: dict[str, float]


def choose(base: Mapping[str, float], checkpoints: Mapping[str, Mapping[str, float]], params: SelectParams) -> Choice:
    """`base`, or the name of the best checkpoint; the earlier name among equals."""
    scores = {name: metrics[params.metric] for name, metrics in checkpoints.items()}
    ranked = sorted(scores, key=lambda name: (-scores[name], name))
    best = ranked[0] if ranked and scores[ranked[0]] > base[params.metric] + params.min_gain else "base"
    return Choice(best, {"base": base[params.metric], **scores})
