"""The leakage report: looks at the finished pairs with fresh eyes and counts what they share with the test set."""

from collections.abc import Sequence

from haechi.records.held_out import HeldOut
from haechi.records.pair import Pair
from haechi.runtime.errors import HaechiError
from haechi.text.near_duplicates import NearDuplicates
from haechi.text.normalize import fold


def leakage(train: Sequence[Pair], valid: Sequence[Pair], held_out: HeldOut) -> dict[str, int]:
    """Counts of each kind of leak; all must be zero."""
    pairs = [*train, *valid]
    tests = {fold(text) for text in held_out.query_texts}
    near = NearDuplicates(held_out.query_texts)
    return {
        "exact_text": sum(fold(pair.query_text) in tests for pair in pairs),
        "near_duplicate_text": sum(near.closest(pair.query_text, held_out.near_duplicate) is not None for pair in pairs),
        "source": sum(pair.meta.source_id in held_out.sources for pair in pairs),
        "reserved_article": sum(bool(set(pair.meta.article_keys) & held_out.articles) for pair in pairs),
        "test_period": sum(pair.meta.date >= held_out.first_date for pair in pairs),
        "train_valid_group": len({p.meta.group for p in train} & {p.meta.group for p in valid}),
    }


def refuse_leaks(report: dict[str, int]) -> None:
    """Stop if anything leaked."""
    found = {kind: count for kind, count in report.items() if count}
    if found:
        raise HaechiError(f"make_pairs: training pairs leak into the test set: {found}")
