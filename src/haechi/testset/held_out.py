"""What the frozen test set keeps away from training, in the form that pair making, questions and mining take."""

from haechi.pairs.build import HeldOut
from haechi.testset.manifest import TestSet


def held_out(testset: TestSet) -> HeldOut:
    """Dates, articles, sources and texts that training must not touch."""
    manifest = testset.manifest
    return HeldOut(
        first_date=manifest.first_date,
        cutoff=manifest.cutoff,
        articles=frozenset(manifest.reserved_articles),
        sources=frozenset(manifest.held_out_documents),
        keys=frozenset(manifest.held_out_keys),
        gold=frozenset(key for query in testset.queries for key in query.gold),
        query_texts=tuple(query.query_text for query in testset.queries),
        near_duplicate=manifest.near_duplicate,
    )
