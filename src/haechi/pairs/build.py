"""Training and validation pairs: everything that the test set does not hold out, split by group, newest to validation."""

import hashlib
import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cache

import numpy as np

from haechi.citations.law_index import LawIndex
from haechi.pairs.params import MakePairsParams
from haechi.pairs.query_text import law_name, names_one
from haechi.pairs.sections import LabelledSection
from haechi.pairs.strangers import FEWEST, Strangers, keep_apart, laws_of
from haechi.pairs.user_queries import LabelledUserQuery
from haechi.parsing.passages import article_body
from haechi.records.held_out import HeldOut, KeptApart
from haechi.records.pair import Pair, PairMeta, PairType, Slice
from haechi.text.near_duplicates import NearDuplicates

_DEFINED = re.compile(r"[\"“]([^\"“”]{2,30})[\"”]\s*(?:이)?란")
MOST_TERMS = 5  # a definitions article may define fifty terms; five show what it is for


def title_query(article_key: str, index: LawIndex) -> str:
    """The law's name and the article's title; empty if it has none."""
    title = index.title(article_key)
    return f"{law_name(article_key, index)} {title}" if title else ""


def definition_queries(article_key: str, index: LawIndex) -> list[str]:
    """What the article's first terms mean, without the name of the law."""
    terms = dict.fromkeys(_DEFINED.findall(article_body(index.article(article_key))))
    return [f"{term}의 뜻" for term in list(terms)[:MOST_TERMS]]


@dataclass(frozen=True)
class Pairs:
    """Both splits and the reasons of what was left out."""

    train: tuple[Pair, ...]
    valid: tuple[Pair, ...]
    counts: dict[str, int]
    kept: KeptApart
    """What validation keeps out of training."""
    said: tuple[str, ...]
    """A sentence for each slice of validation that had no room."""


class PairMaker:
    """Turns labelled texts into pairs against one set of passages."""

    def __init__(
        self,
        passages: Mapping[str, Sequence[str]],
        index: LawIndex,
        reserved: frozenset[str],
        params: MakePairsParams,
    ) -> None:
        self._passages, self._index, self._forbidden, self._params = passages, index, reserved, params

    def pair(  # wide: the fields of a pair
        self,
        query_id: str,
        text: str,
        kind: PairType,
        keys: tuple[str, ...],
        cocited: tuple[str, ...],
        source_id: str,
        group: str,
        date: str,
    ) -> Pair:
        """A pair whose positives are all passages of its articles."""
        positives = tuple(id for key in keys for id in self._passages[key])
        meta = PairMeta(kind, source_id, group, date, keys, cocited, names_one(text, keys, self._index))
        return Pair(query_id, text, positives, self._structural(query_id, keys, cocited), meta)

    def _structural(self, query_id: str, keys: tuple[str, ...], cocited: tuple[str, ...]) -> tuple[str, ...]:
        """Uncited neighbours of the positives, drawn by a seed of the query's own so that pairs don't disturb each other."""
        articles = [key for key in keys if key in self._index.article_keys]
        near = {s for key in articles for s in self._index.siblings(key).chapter}
        if len(near - {*keys, *cocited}) < self._params.hn_per_q:  # a short chapter: look in the whole law
            near |= {s for key in articles for s in self._index.siblings(key).law}
        near -= {*keys, *cocited} | self._forbidden
        ids = [id for key in sorted(near) for id in self._passages.get(key, ())]
        seed = hashlib.sha256(f"{self._params.seed}:{query_id}".encode()).digest()[:8]
        rng = np.random.default_rng(int.from_bytes(seed))
        return tuple(ids[i] for i in sorted(rng.permutation(len(ids))[: self._params.hn_per_q]))


def build_pairs(
    sections: Iterable[LabelledSection],
    user_queries: Iterable[LabelledUserQuery],
    passages: Mapping[str, Sequence[str]],
    index: LawIndex,
    held_out: HeldOut,
    params: MakePairsParams,
    twins: Mapping[str, frozenset[str]] | None = None,
) -> Pairs:
    """Make all pairs, drop what touches the test set (counted), split the rest. `twins`: articles that repeat an article."""
    counts: Counter[str] = Counter()
    usable = [s for s in sections if _counted(why_not(s, held_out, passages, params), counts)]
    tests = NearDuplicates(held_out.query_texts)

    @cache
    def repeats_test(text: str) -> bool:
        return tests.closest(text, held_out.near_duplicate) is not None

    issues = [s for s in usable if not repeats_test(s.text)]
    newest = _newest(issues, params.valid_share)
    laws = laws_of((index.article_keys | passages.keys()) - held_out.articles)
    kept = keep_apart(issues, newest, laws, twins or {}, params)
    reserved = held_out.articles | kept.articles
    maker = PairMaker(passages, index, reserved, params)
    pairs = [maker.pair(s.query_id, s.text, "precedent", s.article_keys, s.cocited, s.source_id, s.group, s.date) for s in usable]
    if params.holdings:
        pairs += [
            maker.pair(f"{s.query_id}_h", s.holding, "holding", s.article_keys, s.cocited, s.source_id, s.group, s.date)
            for s in usable
            if s.holding and s.holding != s.text
        ]
    if params.titles:
        cited = {key for s in usable for key in s.article_keys}
        pairs += _made_of_titles(sorted((index.article_keys & passages.keys()) - cited - reserved), maker, index)
    asked: list[Pair] = []
    for user in user_queries:
        reason = "held_out_for_test" if user.query_id in held_out.sources else ""
        reason = reason or ("reserved_article" if set(user.keys) & held_out.articles else "")
        if _counted(f"user.{reason}" if reason else "", counts):
            where = asked if user.use == "validation" else pairs
            where.append(maker.pair(user.query_id, user.text, "user", user.keys, user.keys, user.query_id, user.query_id, ""))
    pairs = [pair for pair in pairs if _counted("near_duplicate_of_test" if repeats_test(pair.query_text) else "", counts)]
    asked = [pair for pair in asked if _counted("near_duplicate_of_test" if repeats_test(pair.query_text) else "", counts)]
    said = (*kept.said, *([_too_few(len(asked))] if 0 < len(asked) < FEWEST else []))
    words = NearDuplicates([pair.query_text for pair in asked])
    train, valid = _split(pairs, newest, kept, counts)
    train = [pair for pair in train if _counted(_repeats(pair.query_text, words, held_out.near_duplicate), counts)]
    valid += [_in_slice(pair, "user") for pair in asked if len(asked) >= FEWEST]
    apart = KeptApart(tuple(sorted(kept.articles)), kept.laws, tuple(sorted(pair.query_text for pair in asked)))
    valid += [
        _in_slice(maker.pair(q.query_id, q.query_text, "synthetic", q.gold, q.gold, q.query_id, q.group, ""), "unseen_article")
        for q in held_out.validation
        if all(key in passages for key in q.gold)
    ]
    sizes = Counter(f"{name}.{pair.meta.type}" for name, side in (("train", train), ("valid", valid)) for pair in side)
    sizes += Counter(f"slice.{pair.meta.slice}" for pair in valid)
    counted = dict(sorted({**sizes, **{f"dropped.{k}": v for k, v in counts.items()}}.items()))
    return Pairs(tuple(train), tuple(valid), counted, apart, said)


def _made_of_titles(keys: Iterable[str], maker: PairMaker, index: LawIndex) -> Iterator[Pair]:
    """Queries that articles without a query of a court make of themselves."""
    for key in keys:
        if title := title_query(key, index):
            yield maker.pair(f"TITLE_{key}", title, "title", (key,), (key,), key, key, "")
        for number, query in enumerate(definition_queries(key, index), start=1):
            yield maker.pair(f"DEFINITION_{key}_{number}", query, "definition", (key,), (key,), key, key, "")


def why_not(section: LabelledSection, held_out: HeldOut, passages: Mapping[str, Sequence[str]], params: MakePairsParams) -> str:
    """The reason why a section is not for training; empty if it is."""
    if section.source_id in held_out.sources:
        return "held_out_for_test"
    if held_out.keys.intersection(section.keys):
        return "shares_case_or_text_with_test"
    if held_out.after_cutoff(section.date):
        return "after_cutoff"
    if held_out.in_test_period(section.date):
        return "in_test_period"
    if set(section.article_keys) & held_out.articles:
        return "reserved_article"
    if len(section.article_keys) > params.max_positives_per_prec:
        return "too_many_articles"
    if any(key not in passages for key in section.article_keys):
        return "article_without_passage"
    return ""


def _repeats(text: str, asked: NearDuplicates, threshold: float) -> str:
    return "near_duplicate_of_validation" if asked.closest(text, threshold) is not None else ""


def _too_few(found: int) -> str:
    return (
        f"no users' queries are in validation: of those with `use: validation` {found} can be asked, and a slice takes {FEWEST}; "
        "they train nothing either"
    )


def _counted(reason: str, counts: Counter[str]) -> bool:
    if reason:
        counts[reason] += 1
    return not reason


def _newest(issues: Sequence[LabelledSection], valid_share: float) -> frozenset[str]:
    """The newest groups of decisions."""
    newest: dict[str, str] = {}
    for issue in issues:
        newest[issue.group] = max(newest.get(issue.group, ""), issue.date)
    ranked = sorted(newest, key=lambda group: (newest[group], group), reverse=True)
    return frozenset(ranked[: round(valid_share * len(ranked))])


def _split(pairs: Sequence[Pair], newest: frozenset[str], kept: Strangers, counts: Counter[str]) -> tuple[list[Pair], list[Pair]]:
    """Validation is what the test is: issues of the newest decisions, and those whose answers are all kept out of training.

    Whatever else belongs to their groups goes nowhere, nor does a pair that training may name only in part.
    """
    train, valid = [], []
    for pair in sorted(pairs, key=lambda pair: pair.query_id):
        where, issue = kept.slice_of(pair.meta.article_keys), pair.meta.type == "precedent"
        if where is None:
            counts["kept_for_validation_in_part"] += 1
        elif issue and (pair.meta.group in newest or where != "seen"):
            valid.append(_in_slice(pair, where))
        elif where != "seen" or pair.meta.group in kept.groups - newest:
            counts["beside_kept_for_validation"] += 1
        elif pair.meta.group not in newest:
            train.append(pair)
    return train, valid


def _in_slice(pair: Pair, where: Slice) -> Pair:
    return replace(pair, meta=replace(pair.meta, slice=where))
