"""Parameters of the make_pairs stage."""

from dataclasses import dataclass

from haechi.runtime.param_types import Count, Positive, Seed, Share


@dataclass(frozen=True)
class MakePairsParams:
    """How decisions, titles and user queries become training pairs."""

    seed: Seed
    """Draws structural negatives."""
    valid_share: Share
    """Share of the training groups, newest first, kept for validation."""
    valid_unseen_articles: Share
    """Share of the training issues that may be given up to keep articles out of training for validation: no pair answers with
    one, no question is made from one, none is mined. Those that few issues cite come first. 0: none."""
    valid_unseen_laws: Share
    """The same for whole laws; their share of all articles stays below it, too. Those with many issues for their articles come
    first. 0: none."""
    max_positives_per_prec: Positive
    """Most positive articles of one precedent section; sections that cite more are dropped as too broad."""
    hn_per_q: Count
    """Structural negatives of a pair: uncited articles of the same chapter or law."""
    holdings: bool
    """Whether 판결요지 sections become a second query view in training."""
    titles: bool
    """Whether articles that no training decision cites get a title query, and queries for the terms that they define."""
    old_citations: bool
    """Whether citations of a former version (구 …법) count when the number still exists."""
    use_admin_for_prec: bool
    """Whether citations of administrative rules count as gold."""
    fallback: bool
    """Whether decisions without any resolvable citation train against their own text, as a separate task."""
