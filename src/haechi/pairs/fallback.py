"""Fallback pairs: a decision without any usable citation, set against its own text. A separate task, off by default.

The query is a prefix of its own answer, so the task is nearly solved before training begins: never part of a headline.
"""

from collections.abc import Iterable, Sequence, Set

from haechi.pairs.build import HeldOut
from haechi.pairs.query_text import query_text
from haechi.records.decision import Decision
from haechi.records.pair import Pair, PairMeta
from haechi.records.passage import Passage


def fallback_pairs(
    decisions: Iterable[Decision], labelled: Set[str], passages: Sequence[Passage], held_out: HeldOut
) -> tuple[list[Pair], tuple[Passage, ...]]:
    """One pair a decision, for decisions that training may see and no labelled section comes from."""
    by_decision: dict[str, list[Passage]] = {}
    for passage in passages:
        by_decision.setdefault(passage.article_key, []).append(passage)
    pairs, used = [], []
    for decision in decisions:
        key = f"PREC_{decision.id}"
        found = by_decision.get(key, [])
        if key in labelled or key in held_out.sources or decision.date >= held_out.first_date or not found:
            continue
        text = query_text(decision.sections[0].issue)
        if not text:
            continue
        meta = PairMeta("fallback", key, key, decision.date, (key,), (key,), False)
        pairs.append(Pair(f"{key}_fallback", text, tuple(p.id for p in found), (), meta))
        used += found
    return pairs, tuple(used)
