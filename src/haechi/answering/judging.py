"""What each step is worth: validation questions, conversations made of them, talk and everyday questions, with and without it."""

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import NamedTuple

import numpy as np

from haechi.answering import steps
from haechi.answering.answerer import Answerer
from haechi.answering.conversations import Conversation, Turn, question
from haechi.answering.fitting import Labelled, drawn, fold_of
from haechi.answering.gate import TALK, Gate, is_absent, is_talk
from haechi.answering.params import AnswerParams, Fuse, GateParams
from haechi.corpus.duplicates import one_name
from haechi.records.pair import Pair
from haechi.retrieval.run import Scored
from haechi.runtime.progress import track
from haechi.scoring.metrics import gold_ranks, hit_normalised_map, score
from haechi.scoring.names import HEADLINE
from haechi.scoring.significance import Array, Difference, Interval, Resampler
from haechi.serving.engine import Answer

DRAWS, CONFIDENCE, SEED = 2_000, 0.95, 7
SCORE = "score"
"""The competition's: precision at the hits among three; where nothing is to be found, 1 for silence."""
METRICS = (SCORE, HEADLINE, "recall@10", "mrr@10")
QUESTIONS, CONVERSATIONS, TALKED, EVERYDAY = "questions", "conversations", "talk", "everyday"
FUSES: tuple[Fuse, ...] = ("learned", "rrf", "weights", "votes")


@dataclass(frozen=True)
class Item:
    """A conversation with what answers it; nothing does where `gold` is empty."""

    conversation: Conversation
    kind: str
    group: str
    gold: tuple[str, ...]
    fold: int
    own: str = ""
    """The decision that the question was taken from, which must not answer it."""


class Outcome(NamedTuple):
    """What came of an item."""

    found: tuple[str, ...]
    """Articles in their order; none where nothing was searched or found."""


@dataclass(frozen=True)
class Worth:
    """A step against another way, on the items that it may change."""

    step: str
    kept: str
    other: str
    items: int
    metric: str
    value: float
    difference: Difference

    @property
    def verdict(self) -> str:
        """In words; less than one query is called that."""
        gap = self.difference
        if abs(gap.value) * self.items < 1.0:
            return "less than one query"
        return "helps" if gap.low > 0.0 else "hurts" if gap.high < 0.0 else "can't be told"


def items(
    answerer: Answerer, pairs: Sequence[Pair], labelled: Sequence[Labelled], probes: Mapping[str, str], params: GateParams
) -> list[Item]:
    """All that is judged; the gate of an item's fold never saw it."""
    name = one_name(answerer.engine.index.passages)
    found = []
    for pair in drawn(pairs, params.questions):
        gold = tuple(dict.fromkeys(name[key] for key in pair.meta.article_keys if key in name))
        if gold:
            fold = fold_of(pair.meta.group, params.seed)
            found.append(
                Item(question(pair.query_text), QUESTIONS, pair.meta.group, gold, fold, name.get(pair.meta.source_id, ""))
            )
    asked = [item for item in found if item.kind == QUESTIONS]
    for item, other in zip(asked, [*asked[1:], *asked[:1]], strict=True):
        if made := conversation(answerer, item.conversation.last, other.conversation.last):
            found.append(replace(item, conversation=made, kind=CONVERSATIONS))
    for row in labelled:
        if row.label == TALK:
            found.append(Item(row.conversation, TALKED, row.eval_id, (), fold_of(row.conversation.last, params.seed)))
    return found + [Item(question(text), EVERYDAY, id, (), fold_of(text, params.seed)) for id, text in probes.items()]


def conversation(answerer: Answerer, text: str, other: str) -> Conversation | None:
    """Two turns made of a question: its longest subject first and a pronoun in its place, or another question first.

    Which of both is a hash of the text. Rewriting carries nouns, and so does this: what rewriting is worth here is flattered.
    """
    if hashlib.sha256(text.encode()).digest()[0] % 2:
        first, last = other, text
    else:
        _, said = answerer.standalone(question(text))
        subject = max((noun for noun in steps.subjects(said) if noun in text), key=len, default="")
        if not subject or subject == text:
            return None
        first, last = f"{subject}에 대해 궁금한 것이 있어요.", text.replace(subject, "그것", 1)
    return Conversation(text, (Turn("user", first), Turn("assistant", "네, 무엇이 궁금하세요?"), Turn("user", last)))


class Judge:
    """Runs items with any parameters; a text is searched for once, whatever is changed."""

    def __init__(self, answerer: Answerer, gates: Sequence[Gate], costs: GateParams) -> None:
        self._answerer, self._gates, self._costs = answerer, gates, costs
        self._asked: dict[str, Answer] = {}
        self._alone: dict[tuple[Conversation, bool], tuple[str, list[steps.Word]]] = {}

    def run(self, found: Iterable[Item], params: AnswerParams) -> list[Outcome]:
        """What comes of each item."""
        return [self._one(item, self._answerer.like(params), params) for item in track(list(found), "items")]

    def _one(self, item: Item, answerer: Answerer, params: AnswerParams) -> Outcome:
        key = (item.conversation, params.rewrite)
        if key not in self._alone:
            self._alone[key] = answerer.standalone(item.conversation)
        text, said = self._alone[key]
        asked = [self._ask(answerer, query) for query in answerer.queries(text)]
        if params.gate:
            hidden = frozenset({item.own})
            chances = self._gates[item.fold].chances(answerer.seen(item.conversation, said, text, asked[0], hidden))
            if is_talk(chances, self._costs) or is_absent(chances, self._costs):
                return Outcome(())
        return Outcome(tuple(scored.id for scored in answerer.fused(asked) if scored.id != item.own)[:10])

    def _ask(self, answerer: Answerer, query: str) -> Answer:
        if query not in self._asked:
            (self._asked[query],) = answerer.searched([query])
        return self._asked[query]


def ablation(judge: Judge, found: Sequence[Item], params: AnswerParams) -> tuple[dict[str, list[Interval]], list[Worth]]:
    """The figures of the parameters as they are, by kind of item, and what each step is worth against going without it."""
    usual = judge.run(found, params)
    by_kind: dict[str, list[Interval]] = {}
    for kind in dict.fromkeys(item.kind for item in found):
        both = [(item, outcome) for item, outcome in zip(found, usual, strict=True) if item.kind == kind]
        draws = _resampler([item for item, _ in both])
        by_kind[kind] = [draws.intervals(_column(both, name))[0] for name in (METRICS if both[0][0].gold else (SCORE,))]
    searching = (QUESTIONS, CONVERSATIONS)
    rows = [
        _worth("gate", judge, found, usual, params, replace(params, gate=not params.gate), (*searching, TALKED, EVERYDAY), SCORE),
        _worth("rewrite", judge, found, usual, params, replace(params, rewrite=not params.rewrite), (CONVERSATIONS,), "mrr@10"),
        _worth(
            "queries", judge, found, usual, params, replace(params, queries=1 if params.queries > 1 else 2), searching, "mrr@10"
        ),
    ]
    others = (replace(params, fuse=fuse) for fuse in FUSES if fuse != params.fuse)
    return by_kind, rows + [_worth("fuse", judge, found, usual, params, other, searching, "mrr@10") for other in others]


def _worth(  # wide: a comparison has two sides and a place
    step: str,
    judge: Judge,
    found: Sequence[Item],
    usual: Sequence[Outcome],
    params: AnswerParams,
    other: AnswerParams,
    kinds: Sequence[str],
    metric: str,
) -> Worth:
    places = [place for place, item in enumerate(found) if item.kind in kinds]
    items = [found[place] for place in places]
    kept = list(zip(items, (usual[place] for place in places), strict=True))
    changed = list(zip(items, judge.run(items, other), strict=True))
    first, second = _column(kept, metric), _column(changed, metric)
    gap = _resampler(items).differences(first, second)[0]
    return Worth(step, str(getattr(params, step)), str(getattr(other, step)), len(items), metric, float(first.mean()), gap)


def _column(rows: Sequence[tuple[Item, Outcome]], metric: str) -> Array:
    """The metric of each item as a column; all but the competition's need an answer that can be found."""
    places = [gold_ranks([Scored(id, 0.0) for id in outcome.found], item.gold) for item, outcome in rows]
    if metric == SCORE:
        values = [hit_normalised_map(place, answered=bool(rows[i][1].found)) for i, place in enumerate(places)]
    else:
        found = score({str(i): place for i, place in enumerate(places)}, (10,))
        values = [found[str(i)][metric] for i in range(len(rows))]
    return np.array(values)[:, None]


def _resampler(items: Sequence[Item]) -> Resampler:
    return Resampler([item.group for item in items], DRAWS, CONFIDENCE, SEED)


def support(answerer: Answerer, found: Sequence[Item]) -> dict[str, float]:
    """How many answers there are, how often their nouns and numbers stand in the passage cited, and how often that is right."""
    name = one_name(answerer.engine.index.passages)
    article = {passage.id: name[passage.article_key] for passage in answerer.engine.index.passages}
    answers = held = right = 0
    for item in found:
        reply = answerer.reply(item.conversation)
        cited = next((one for one in reply.passages if reply.answer.endswith(f"[{one.number}]")), None)
        if cited:
            answers += 1
            held += supported(reply.answer, cited.text, answerer)
            right += article[cited.passage] in item.gold
    return {"answers": answers, "supported": held / max(answers, 1), "right": right / max(answers, 1)}


def supported(answer: str, text: str, answerer: Answerer) -> bool:
    """Whether a passage has every noun and number of an answer that cites it."""
    said, there = answerer.words([answer.rpartition("[")[0], text])
    nouns = (*steps.NOUNS, "SN")
    return {word.form for word in said if word.tag in nouns} <= {word.form for word in there}


def report(
    by_kind: Mapping[str, Sequence[Interval]], counts: Mapping[str, int], worth: Sequence[Worth], support: Mapping[str, float]
) -> str:
    """The track's report: one screen."""
    lines = [
        "# What answers are worth",
        "",
        "| judged on | number | " + " | ".join(METRICS) + " |",
        "| --- | ---: |" + " ---: |" * len(METRICS),
    ]
    for kind, found in by_kind.items():
        cells = [f"{one.value:.3f} [{one.low:.3f}, {one.high:.3f}]" for one in found]
        lines.append(f"| {kind} | {counts[kind]} | {' | '.join([*cells, *[''] * (len(METRICS) - len(cells))])} |")
    lines += [
        "",
        "| step | now | against | metric | now | difference | gain / lose | verdict |",
        "| --- | --- | --- | --- | ---: | ---: | ---: | --- |",
    ]
    for one in worth:
        gap = one.difference
        lines.append(
            f"| {one.step} | {one.kept} | {one.other} | {one.metric} of {one.items} | {one.value:.3f} "
            f"| {gap.value:+.3f} [{gap.low:+.3f}, {gap.high:+.3f}] | {gap.wins} / {gap.losses} | {one.verdict} |"
        )
    lines += [
        "",
        f"Of {support['answers']:.0f} answers to questions {support['supported']:.0%} have all nouns and numbers "
        f"in the passage cited; {support['right']:.0%} cite a passage that answers.",
        "Conversations are made of the questions, so rewriting is flattered; everyday questions are taken for unanswerable here.",
        "The gate of an item never saw it; the hybrid's weights were fitted on these questions.",
        "Steps of a language model and reranking are not judged here.",
    ]
    return "\n".join(lines) + "\n"
