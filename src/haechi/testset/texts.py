"""Texts that questions are asked about and training never sees: documents and, where no decision cites, articles.

Texts that nearly repeat each other are one group: it is held out as a whole, and any of it answers a question about its first.
"""

import hashlib
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import groupby
from typing import Literal

import numpy as np

from haechi.parsing.ingest import RawCorpus
from haechi.parsing.params import PreprocessParams
from haechi.parsing.passages import document_passages, statute_passages
from haechi.records.passage import Passage
from haechi.text.grouping import group_of
from haechi.text.near_duplicate_pairs import near_duplicates

# How a text is cut for its questions; gold is the whole text, so the model's granularity doesn't matter.
CUT = PreprocessParams("article", 1200, annexes=False, addenda=False, max_bad_share=1.0)
Gold = Literal["document", "section"]
MOST_HELD_OUT = 400
"""Groups of texts for the test; more would take texts from training and hardly narrow an interval."""
COMPARED = 100_000
"""Characters of a text that are looked at for near-duplicates."""

Group = tuple[str, ...]


@dataclass(frozen=True)
class Slices:
    """Groups of keys that are held out, the first key of each being what is asked about."""

    test: tuple[Group, ...]
    validation: tuple[Group, ...]


def askable_texts(raw: RawCorpus, gold: Gold, *, articles: bool) -> dict[str, list[Passage]]:
    """Key -> passages of each document (or section of one), and of each article if wanted."""
    cut = replace(CUT, document_gold=gold)
    passages = [p for document in raw.documents for p in document_passages(document, cut)]
    if articles:
        passages += [p for statute in (*raw.statutes, *raw.rules) for p in statute_passages(statute, CUT)]
    ordered = sorted(passages, key=lambda p: p.article_key)  # stable: the passages of a text stay in their order
    return {key: list(group) for key, group in groupby(ordered, key=lambda p: p.article_key)}


def groups_of(texts: Mapping[str, Sequence[Passage]], threshold: float) -> list[Group]:
    """The keys, those together whose texts nearly repeat each other; sorted."""
    keys = sorted(texts)
    bodies = ["\n".join(p.body for p in texts[key])[:COMPARED] for key in keys]
    pairs = zip(*(rows.tolist() for rows in near_duplicates(bodies, np.arange(len(keys)), threshold)), strict=True)
    links: dict[str, list[tuple[int, int]]] = {key: [] for key in keys}
    for first, second in pairs:
        links[keys[first]].append((min(first, second), max(first, second)))
    members: dict[str, list[str]] = {}
    for key, root in group_of(links).items():
        members.setdefault(root, []).append(key)
    return sorted(tuple(sorted(group)) for group in members.values())


def hold_out(
    groups: Sequence[Group], share: float, spared: Collection[str], rng: np.random.Generator, *, validation: bool
) -> Slices:
    """Draw the groups for the test and, if wanted, half as many for validation; none that holds a spared key."""
    ordered = sorted(groups)
    drawn = [ordered[i] for i in rng.permutation(len(ordered)) if not set(ordered[i]) & set(spared)]
    number = min(round(share * len(ordered)), MOST_HELD_OUT)
    return Slices(tuple(drawn[:number]), tuple(drawn[number : number + -(-number // 2)]) if validation else ())


def passages_to_ask(texts: Mapping[str, Sequence[Passage]], groups: Iterable[Group], seed: int, wanted: int) -> list[Passage]:
    """Passages of each group's first text, drawn by hashes: one, or as many as it takes to make `wanted` of them all."""
    groups = list(groups)
    each = -(-wanted // max(1, len(groups)))
    chosen = []
    for key, *_ in groups:
        by_hash = sorted(texts[key], key=lambda p: hashlib.sha256(f"{seed}:{p.id}".encode()).digest())
        chosen += by_hash[:each]
    return chosen
