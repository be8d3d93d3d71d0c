"""What the gate is fitted on, and what it is worth on turns that it was not fitted on."""

import hashlib
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from haechi.answering.answerer import Answerer
from haechi.answering.conversations import Conversation, Turn, question
from haechi.answering.gate import ABSENT, TALK, Gate, is_absent, is_talk
from haechi.answering.params import GateParams
from haechi.answering.regression import ANSWERED, QUESTION, Example, fit
from haechi.corpus.duplicates import one_name
from haechi.records.pair import Pair
from haechi.runtime.progress import track

FOLDS = 5
BINS = 5
ANSWER = "네, 말씀하신 내용에 대해 설명해 드렸습니다."


@dataclass(frozen=True, slots=True)
class Labelled:
    """A line of labelled talk: a conversation, its label, and what kind of talk it is."""

    eval_id: str
    kind: str
    label: str
    msg: tuple[Turn, ...]

    @property
    def conversation(self) -> Conversation:
        """Without the label."""
        return Conversation(self.eval_id, self.msg)


def fold_of(group: str, seed: int) -> int:
    """The fold of a group of turns that resemble each other."""
    return hashlib.sha256(f"{seed}\0{group}".encode()).digest()[0] % FOLDS


def drawn(pairs: Iterable[Pair], most: int) -> list[Pair]:
    """So many validation questions, the same in every run."""
    return sorted(pairs, key=lambda pair: hashlib.sha256(pair.query_id.encode()).digest())[:most]


def examples(
    answerer: Answerer, labelled: Sequence[Labelled], probes: Mapping[str, str], pairs: Sequence[Pair], params: GateParams
) -> list[Example]:
    """Labelled talk and questions, everyday questions, which are taken for unanswerable here, and validation questions.

    A validation question comes twice: as it is, and with its answers hidden, which the corpus then can't answer.
    """
    found = []
    for row in track([*labelled, *later(labelled)], "labelled turns"):
        found.append(_example(answerer, row.conversation, row.eval_id, row.label, params))
    for id, text in track(list(probes.items()), "everyday questions"):
        found.append(_example(answerer, question(text), id, ABSENT, params))
    name = one_name(answerer.engine.index.passages)
    for pair in track(drawn(pairs, params.questions), "validation questions"):
        gold = frozenset(name[key] for key in pair.meta.article_keys if key in name)
        one = question(pair.query_text)
        text, said = answerer.standalone(one)
        (answer,) = answerer.searched([text])
        fold = fold_of(pair.meta.group, params.seed)
        own = frozenset({name.get(pair.meta.source_id, "")})  # a decision doesn't answer its own question
        for label, hidden in ((ANSWERED, own), (ABSENT, own | gold)):
            seen = answerer.seen(one, said, text, answer, hidden)
            found.append(Example(f"{pair.query_id}/{label}", label, seen, fold))
    return found


def later(labelled: Sequence[Labelled]) -> list[Labelled]:
    """The labelled first turns once more, as last turns of a conversation that began with a question."""
    alone = [row for row in labelled if len(row.msg) == 1]
    asked = [row.msg[0].content for row in alone if row.label == QUESTION]
    if not asked:
        return []
    begun = [asked[hashlib.sha256(row.eval_id.encode()).digest()[0] % len(asked)] for row in alone]
    return [
        replace(row, eval_id=f"{row.eval_id}/later", msg=(Turn("user", first), Turn("assistant", ANSWER), *row.msg))
        for row, first in zip(alone, begun, strict=True)
        if first != row.msg[0].content
    ]


def _example(answerer: Answerer, one: Conversation, id: str, label: str, params: GateParams) -> Example:
    text, said = answerer.standalone(one)
    (answer,) = answerer.searched([text])
    return Example(id, label, answerer.seen(one, said, text, answer), fold_of(one.last, params.seed))


def by_folds(found: Sequence[Example], params: GateParams, made_of: Mapping[str, str]) -> list[Gate]:
    """For each fold a gate that never saw it."""
    return [fit([one for one in found if one.fold != fold], params, made_of) for fold in range(FOLDS)]


def figures(found: Sequence[Example], gates: Sequence[Gate], params: GateParams, kinds: Mapping[str, str]) -> dict[str, Any]:
    """What the gates say of turns that they were not fitted on; `kinds` names the kind of each labelled turn."""
    chances = [gates[one.fold].chances(one.seen) for one in found]
    silent = [is_talk(chance, params) for chance in chances]
    refused = [is_absent(chance, params) for chance in chances]
    talk = [one.label == TALK for one in found]
    asked = [i for i, one in enumerate(found) if one.label in (QUESTION, ANSWERED)]
    kind_of = [kinds.get(one.id.partition("/")[0], "") for one in found]
    missed = Counter(kind for kind, quiet, is_it in zip(kind_of, silent, talk, strict=True) if is_it and not quiet)
    answered = [i for i, one in enumerate(found) if one.label == ANSWERED]
    absent = [i for i, one in enumerate(found) if one.label == ABSENT]
    absence = [chance[ABSENT] for chance in chances]
    return {
        "talk": sum(talk),
        "talk_caught": sum(quiet for quiet, is_it in zip(silent, talk, strict=True) if is_it),
        "talk_missed": dict(sorted(missed.items())),
        "questions": len(asked),
        "false_skips": sum(silent[i] for i in asked),
        "false_skips_of": sorted(found[i].id for i in asked if silent[i])[:20],
        "talk_auroc": _auroc([chance[TALK] for chance in chances], talk),
        "talk_error": _error([chance[TALK] for chance in chances], talk, params.talk_share),
        "questions_refused": sum(refused[i] for i in asked),
        "answerable": len(answered),
        "answerable_refused": sum(refused[i] for i in answered),
        "absent": len(absent),
        "absent_refused": sum(refused[i] for i in absent),
        "absent_auroc": _auroc([absence[i] for i in (*answered, *absent)], [False] * len(answered) + [True] * len(absent)),
        "absent_error": _error(
            [absence[i] for i in (*answered, *absent)], [False] * len(answered) + [True] * len(absent), params.absent_share
        ),
    }


def _auroc(chances: Sequence[float], is_it: Sequence[bool]) -> float:
    """The chance that one that is it stands above one that isn't; ties count half."""
    values, yes = np.array(chances), np.array(is_it)
    below = np.sort(values[~yes])
    left, right = (np.searchsorted(below, values[yes], side=side) for side in ("left", "right"))
    return round(float((left + right).mean() / (2 * len(below))), 4)


def _error(chances: Sequence[float], is_it: Sequence[bool], share: float) -> float:
    """Calibration: how far, on average, a chance is from the share of those with such a chance that are it."""
    values, yes = np.array(chances), np.array(is_it, dtype=float)
    weights = np.where(yes > 0, share / max(yes.sum(), 1.0), (1.0 - share) / max((1.0 - yes).sum(), 1.0))
    bins = np.minimum((values * BINS).astype(int), BINS - 1)
    gaps = (abs(float((weights * (values - yes))[bins == one].sum())) for one in range(BINS))
    return round(sum(gaps), 4)
