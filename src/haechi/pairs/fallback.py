"""Fallback pairs: a decision without any usable citation, set against its own text. A separate task, off by default.

The query is a prefix of its own answer, so the task is nearly solved before training begins: never part of a headline.
"""

from collections.abc import Iterable, Sequence, Set

from haechi.pairs.query_text import query_text
from haechi.pairs.sections import decision_keys
from haechi.records.decision import Decision
from haechi.records.held_out import HeldOut
from haechi.records.pair import Pair, PairMeta
from haechi.records.passage import Passage
from haechi.text.grouping import group_of
from haechi.text.near_duplicates import NearDuplicates


def fallback_pairs(
    decisions: Iterable[Decision], labelled: Set[str], passages: Sequence[Passage], held_out: HeldOut, valid_groups: Set[str]
) -> tuple[list[Pair], tuple[Passage, ...]]:
    """One pair a decision, for decisions that training may see and no labelled section comes from."""
    decisions = list(decisions)
    keys = {decision.id: decision_keys(decision) for decision in decisions}
    groups = group_of(keys)
    spent = {groups[d.id] for d in decisions if f"PREC_{d.id}" in held_out.sources or held_out.keys.intersection(keys[d.id])}
    tests = NearDuplicates(held_out.query_texts)
    by_decision: dict[str, list[Passage]] = {}
    for passage in passages:
        by_decision.setdefault(passage.article_key, []).append(passage)
    pairs, used = [], []
    for decision in decisions:
        key, group = f"PREC_{decision.id}", f"PREC_{groups[decision.id]}"
        own_passages = by_decision.get(key, [])
        if key in labelled or held_out.in_test_period(decision.date) or not own_passages:
            continue
        if group in valid_groups or groups[decision.id] in spent:
            continue
        text = query_text(decision.sections[0].issue)
        if not text or tests.closest(text, held_out.near_duplicate):
            continue
        meta = PairMeta("fallback", key, group, decision.date, (key,), (key,), False)
        pairs.append(Pair(f"{key}_fallback", text, tuple(p.id for p in own_passages), (), meta))
        used += own_passages
    return pairs, tuple(used)
