"""Everything that make_pairs does between reading and writing."""

from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence, Set
from dataclasses import dataclass, replace
from typing import Any

from haechi.citations.law_index import LawIndex
from haechi.corpus.duplicates import repeated_by, with_duplicates
from haechi.pairs.build import Pairs, build_pairs
from haechi.pairs.fallback import fallback_pairs
from haechi.pairs.params import MakePairsParams
from haechi.pairs.sections import label_sections
from haechi.pairs.user_queries import label_user_queries, named_documents
from haechi.parsing.ingest import RawCorpus
from haechi.records.held_out import HeldOut
from haechi.records.pair import Pair
from haechi.records.passage import Passage
from haechi.runtime.errors import HaechiError
from haechi.runtime.progress import listed
from haechi.text.near_duplicates import NearDuplicates
from haechi.text.normalize import fold


def leakage(train: Sequence[Pair], valid: Sequence[Pair], held_out: HeldOut, kept: Collection[str] = ()) -> dict[str, int]:
    """Counts of each kind of leak; all must be zero.

    Questions for validation are about held-out texts too, so of them only what they share with the test is a leak.
    `kept` are the articles that validation keeps for itself.
    """
    pairs = [*train, *(pair for pair in valid if pair.meta.type != "synthetic")]
    asked = [pair for pair in valid if pair.meta.type == "synthetic"]
    texts = {fold(text) for text in held_out.query_texts}
    tests = texts - {fold(query.query_text) for query in held_out.validation}
    near = NearDuplicates(held_out.query_texts)
    users = {fold(pair.query_text) for pair in valid if pair.meta.slice == "user"}
    return {
        "exact_text": sum(fold(pair.query_text) in texts for pair in pairs),
        "near_duplicate_text": sum(near.closest(pair.query_text, held_out.near_duplicate) is not None for pair in pairs),
        "source": sum(pair.meta.source_id in held_out.sources for pair in pairs),
        "reserved_article": sum(bool(set(pair.meta.article_keys) & held_out.articles) for pair in pairs),
        "test_period": sum(held_out.in_test_period(pair.meta.date) for pair in pairs),
        "validation_on_test_texts": sum(bool(set(pair.meta.article_keys) & held_out.gold) for pair in asked),
        "validation_text": sum(fold(pair.query_text) in tests for pair in asked),
        "kept_for_validation": sum(not set(pair.meta.article_keys).isdisjoint(kept) for pair in train),
        "validation_user": sum(fold(pair.query_text) in users for pair in train),
        "train_valid_group": len({p.meta.group for p in train} & {p.meta.group for p in valid}),
    }


def refuse_leaks(report: dict[str, int]) -> None:
    """Stop if anything leaked."""
    leaks = {kind: count for kind, count in report.items() if count}
    if leaks:
        raise HaechiError(f"make_pairs: training pairs leak into the test set or into validation: {leaks}")


MOST_MISSING_GOLD = 0.05


@dataclass(frozen=True)
class MadePairs:
    """Pairs, the passages that only fallback pairs need, and the counts."""

    pairs: Pairs
    fallback_passages: tuple[Passage, ...]
    counts: dict[str, Any]
    warnings: tuple[str, ...]


def make_pairs(
    raw: RawCorpus,
    passages: Sequence[Passage],
    decisions: Sequence[Passage],
    held_out: HeldOut,
    params: MakePairsParams,
) -> MadePairs:
    """Label, pair, split; stop on a leak and on a test set that belongs to another corpus."""
    index = LawIndex(raw.statutes, raw.rules)
    by_article: dict[str, list[str]] = defaultdict(list)
    for passage in passages:
        by_article[passage.article_key].append(passage.id)
    labelled = label_sections(raw.decisions, index, old_citations=params.old_citations, admin=params.use_admin_for_prec)
    _refuse_foreign_testset(held_out, by_article.keys())
    held_out = replace(held_out, articles=with_duplicates(held_out.articles | held_out.sources, passages))
    users = label_user_queries(raw.queries, index, named_documents(passages))
    pairs = build_pairs(labelled.sections, users.queries, by_article, index, held_out, params, repeated_by(passages))
    extra: tuple[Passage, ...] = ()
    if params.fallback:
        usable = {section.source_id for section in labelled.sections}
        added, extra = fallback_pairs(raw.decisions, usable, decisions, held_out, {p.meta.group for p in pairs.valid})
        pairs = replace(pairs, train=tuple(sorted((*pairs.train, *added), key=lambda p: p.query_id)))
    report = leakage(pairs.train, pairs.valid, held_out, pairs.kept.articles)
    refuse_leaks(report)
    counts: dict[str, Any] = {
        "train": len(pairs.train),
        "valid": len(pairs.valid),
        "pairs": pairs.counts,
        "labels": labelled.counts,
        "user_queries": users.counts,
        "leakage": report,
        "fallback": len(extra),
        "kept_for_validation": {"articles": len(pairs.kept.articles), "laws": pairs.kept.laws},
    }
    return MadePairs(pairs, extra, counts, (*users.unknown, *pairs.said))


def summary(counts: Mapping[str, Any]) -> tuple[str, str, dict[str, int], str]:
    """What came in, what went out, what was dropped by reason, and what to know of it, for the screen."""
    labels, pairs, users = counts["labels"], counts["pairs"], counts["user_queries"]
    unread = _below(labels, "citations.unresolved.")
    amounts = {
        "issues": labels.get("sections.read", 0),
        "citations": labels.get("citations.read", 0),
        "labelled queries": users.get("read", 0),
    }
    read = ", ".join(f"{number:,} {name}" for name, number in amounts.items() if number)
    read = read or "no decisions and no labelled queries: training's come from generate_qa"
    kinds = listed(_below(pairs, "train."))
    made = f"{counts['train']:,} training pairs{f' ({kinds})' if kinds else ''}, {counts['valid']:,} validation pairs"
    dropped = {name.removeprefix("sections."): n for name, n in labels.items() if name.startswith("sections.without_")}
    dropped |= _below(pairs, "dropped.")
    slices = _below(pairs, "slice.")
    made += f" ({listed(slices)})" if slices.keys() - {"seen"} else ""
    unresolved = f"{sum(unread.values()):,} citations name no article of the corpus ({listed(unread)})." if unread else ""
    return read, made, dropped, unresolved


def _below(counts: Mapping[str, int], prefix: str) -> dict[str, int]:
    return {name.removeprefix(prefix): count for name, count in counts.items() if name.startswith(prefix)}


def _refuse_foreign_testset(held_out: HeldOut, corpus: Set[str]) -> None:
    missing = [key for key in held_out.gold if key not in corpus]
    if len(missing) > MOST_MISSING_GOLD * max(1, len(held_out.gold)):
        raise HaechiError(
            f"make_pairs: {len(missing)} of the {len(held_out.gold)} gold articles of the test set are not in the corpus "
            f"(such as {missing[0]}); these are other documents: build their own test set with `haechi testset refresh`"
        )
